//! A user's devices.

use std::ffi::{CStr, c_char};

use super::{c_pointer, free, guard};
use crate::listing::Devices;

/// A user's devices, in the service's order. It never changes: any number of threads may read it.
pub struct koodrive_devices(pub(super) Devices);

/// How many devices the user has. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_devices_count(devices: *const koodrive_devices) -> usize {
    // SAFETY: `devices` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let devices = unsafe { devices.as_ref() };
    devices.map_or(0, |devices| devices.0.count())
}

/// The id of the device at an index. Never NULL but for an index out of range or for NULL. Borrowed from the
/// list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_devices_device_id(
    devices: *const koodrive_devices,
    index: usize,
) -> *const c_char {
    // SAFETY: `devices` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    unsafe { text(devices, |devices| devices.device_id(index)) }
}

/// The name of the device at an index, such as "Magic v3"; NULL if the service says none, for an index out of
/// range or for NULL. It is a text that somebody typed. Borrowed from the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_devices_name(
    devices: *const koodrive_devices,
    index: usize,
) -> *const c_char {
    // SAFETY: `devices` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    unsafe { text(devices, |devices| devices.name(index)) }
}

/// The operating system of the device at an index; NULL as for koodrive_devices_name(). Borrowed from the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_devices_os(
    devices: *const koodrive_devices,
    index: usize,
) -> *const c_char {
    // SAFETY: `devices` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    unsafe { text(devices, |devices| devices.os(index)) }
}

/// The machine code under which the device at an index was bound; NULL as for koodrive_devices_name().
/// Borrowed from the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_devices_machine_code(
    devices: *const koodrive_devices,
    index: usize,
) -> *const c_char {
    // SAFETY: `devices` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    unsafe { text(devices, |devices| devices.machine_code(index)) }
}

/// When the device at an index was bound, as the service writes it, such as "2025-09-15T06:14:48.630Z"; NULL as
/// for koodrive_devices_name(). Borrowed from the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_devices_created_at(
    devices: *const koodrive_devices,
    index: usize,
) -> *const c_char {
    // SAFETY: `devices` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    unsafe { text(devices, |devices| devices.created_at(index)) }
}

/// Frees a list, and all that was borrowed from it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_devices_free(devices: *mut koodrive_devices) {
    // SAFETY: `devices` is NULL, or came from `into_handle` and is given back here, once: nobody
    // uses it any more.
    guard((), || unsafe { free(devices) });
}

/// A text of the list.
///
/// # Safety
/// `devices` is NULL or valid for reads as long as the text is used.
unsafe fn text(
    devices: *const koodrive_devices,
    get: impl FnOnce(&Devices) -> Option<&CStr>,
) -> *const c_char {
    // SAFETY: the caller's promise.
    let devices = unsafe { devices.as_ref() };
    guard(std::ptr::null(), || {
        c_pointer(devices.and_then(|devices| get(&devices.0)))
    })
}
