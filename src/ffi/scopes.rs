//! A device's scopes.

use std::ffi::{CStr, CString, c_char};

use super::{c_pointer, free, guard};
use crate::listing::Scopes;
use crate::report::c_string;

/// A device's scopes, in the service's order. It never changes: any number of threads may read it.
pub struct koodrive_scopes {
    pub(super) scopes: Scopes,
    user_id: CString,
    device_id: CString,
}

impl koodrive_scopes {
    pub(super) fn new(scopes: Scopes) -> Self {
        Self {
            user_id: c_string(scopes.user_id()),
            device_id: c_string(scopes.device_id()),
            scopes,
        }
    }
}

/// The user whose device it is: also where koodrive_client_list_scopes() took it from the config. NULL for NULL.
/// Borrowed from the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_scopes_user_id(scopes: *const koodrive_scopes) -> *const c_char {
    // SAFETY: `scopes` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let scopes = unsafe { scopes.as_ref() };
    c_pointer(scopes.map(|scopes| scopes.user_id.as_c_str()))
}

/// The device whose scopes they are. NULL for NULL. Borrowed from the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_scopes_device_id(
    scopes: *const koodrive_scopes,
) -> *const c_char {
    // SAFETY: `scopes` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let scopes = unsafe { scopes.as_ref() };
    c_pointer(scopes.map(|scopes| scopes.device_id.as_c_str()))
}

/// How many scopes the list has. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_scopes_count(scopes: *const koodrive_scopes) -> usize {
    // SAFETY: `scopes` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let scopes = unsafe { scopes.as_ref() };
    scopes.map_or(0, |scopes| scopes.scopes.count())
}

/// The id of the scope at an index, one that koodrive_plan_add() accepts. NULL for an index out of range or for
/// NULL. Borrowed from the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_scopes_scope_id(
    scopes: *const koodrive_scopes,
    index: usize,
) -> *const c_char {
    // SAFETY: `scopes` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    unsafe { text(scopes, |scopes| scopes.scope_id(index)) }
}

/// The module of the scope at an index: "100" folders, "101" an album, "102" an address book, or one that the
/// service has added since. NULL if the service says none, for an index out of range or for NULL. Borrowed from
/// the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_scopes_module_code(
    scopes: *const koodrive_scopes,
    index: usize,
) -> *const c_char {
    // SAFETY: `scopes` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    unsafe { text(scopes, |scopes| scopes.module_code(index)) }
}

/// The path on the device that the scope at an index backs up; NULL as for koodrive_scopes_module_code(). It may
/// hold any character, up to 10,000 of them; what is none (a NUL, half of a surrogate pair) is U+FFFD. Borrowed
/// from the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_scopes_local_path(
    scopes: *const koodrive_scopes,
    index: usize,
) -> *const c_char {
    // SAFETY: `scopes` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    unsafe { text(scopes, |scopes| scopes.local_path(index)) }
}

/// The folder of the drive that the scope at an index is backed up to; NULL as for
/// koodrive_scopes_module_code(). Borrowed from the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_scopes_target_folder_path(
    scopes: *const koodrive_scopes,
    index: usize,
) -> *const c_char {
    // SAFETY: `scopes` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    unsafe { text(scopes, |scopes| scopes.target_folder_path(index)) }
}

/// When the scope at an index was added, as the service writes it; NULL as for koodrive_scopes_module_code().
/// Borrowed from the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_scopes_created_at(
    scopes: *const koodrive_scopes,
    index: usize,
) -> *const c_char {
    // SAFETY: `scopes` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    unsafe { text(scopes, |scopes| scopes.created_at(index)) }
}

/// Frees a list, and all that was borrowed from it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_scopes_free(scopes: *mut koodrive_scopes) {
    // SAFETY: `scopes` is NULL, or came from `into_handle` and is given back here, once: nobody
    // uses it any more.
    guard((), || unsafe { free(scopes) });
}

/// A text of the list.
///
/// # Safety
/// `scopes` is NULL or valid for reads as long as the text is used.
unsafe fn text(
    scopes: *const koodrive_scopes,
    get: impl FnOnce(&Scopes) -> Option<&CStr>,
) -> *const c_char {
    // SAFETY: the caller's promise.
    let scopes = unsafe { scopes.as_ref() };
    guard(std::ptr::null(), || {
        c_pointer(scopes.and_then(|scopes| get(&scopes.scopes)))
    })
}
