//! Why a call failed.

use std::ffi::{CString, c_char};

use super::status::{KOODRIVE_OK, koodrive_status};
use super::{c_pointer, free, guard};
use crate::error::Error;
use crate::report::c_string;

/// Why a call failed. A function that fails makes one if its caller passed a place for it; the
/// caller frees it with koodrive_error_free(). It stays valid whatever else is freed, and may be
/// used on any thread, by one at a time. Its texts live as long as it does.
pub struct koodrive_error {
    status: koodrive_status,
    message: CString,
    http_status: i32,
    service_code: Option<CString>,
    request_id: Option<CString>,
    is_retryable: bool,
}

impl koodrive_error {
    pub(super) fn new(error: &Error) -> Self {
        Self {
            status: error.kind as koodrive_status,
            message: c_string(&error.message),
            http_status: error.http_status.map_or(0, i32::from),
            service_code: error.service_code.as_deref().map(c_string),
            request_id: error.request_id.as_deref().map(c_string),
            is_retryable: error.retryable,
        }
    }
}

/// The status that the failed function returned; KOODRIVE_OK for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_error_status(error: *const koodrive_error) -> koodrive_status {
    // SAFETY: `error` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let error = unsafe { error.as_ref() };
    error.map_or(KOODRIVE_OK, |error| error.status)
}

/// What went wrong, in words, for a person: the argument and the rule it breaks, or what the
/// service or the network said. It never holds a secret. Borrowed from the error; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_error_message(error: *const koodrive_error) -> *const c_char {
    // SAFETY: `error` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let error = unsafe { error.as_ref() };
    c_pointer(error.map(|error| error.message.as_c_str()))
}

/// The HTTP status of the response behind the error, such as 403; 0 if there is none, or for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_error_http_status(error: *const koodrive_error) -> i32 {
    // SAFETY: `error` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let error = unsafe { error.as_ref() };
    error.map_or(0, |error| error.http_status)
}

/// The service's code in the response behind the error, such as "13000102". Borrowed from the error;
/// NULL if there is none, or for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_error_service_code(
    error: *const koodrive_error,
) -> *const c_char {
    // SAFETY: `error` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let error = unsafe { error.as_ref() };
    c_pointer(error.and_then(|error| error.service_code.as_deref()))
}

/// The X-Request-Id of the response behind the error, for the service's support. Borrowed from the
/// error; NULL if there is none, or for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_error_request_id(error: *const koodrive_error) -> *const c_char {
    // SAFETY: `error` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let error = unsafe { error.as_ref() };
    c_pointer(error.and_then(|error| error.request_id.as_deref()))
}

/// Whether running koodrive_result_unfinished(), or listing again, later and with nothing changed, may
/// succeed: true where the cause may pass by itself. false for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_error_is_retryable(error: *const koodrive_error) -> bool {
    // SAFETY: `error` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let error = unsafe { error.as_ref() };
    error.is_some_and(|error| error.is_retryable)
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_error_free(error: *mut koodrive_error) {
    // SAFETY: `error` is NULL, or came from `into_handle` and is given back here, once: nobody
    // uses it any more.
    guard((), || unsafe { free(error) });
}
