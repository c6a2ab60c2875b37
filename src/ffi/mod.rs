//! The C API layer of the library, and its only unsafe code: one file per C type. The comments on
//! exported items are written for C programmers, for they become `include/koodrive.h`.
//!
//! This file holds the boundary. What crosses it inwards is checked and copied or borrowed for one
//! call; no panic crosses it outwards.
#![allow(unsafe_code)]
#![allow(non_camel_case_types, reason = "C names, as the header shows them")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the header states the contract of pointers once, for all functions"
)]

pub mod arrow;
pub mod client;
pub mod config;
pub mod devices;
pub mod error;
pub mod event;
pub mod monitor;
mod native;
pub mod plan;
pub mod result;
pub mod scopes;
pub mod status;
pub mod version;

use std::ffi::{CStr, c_char};
use std::path::Path;
use std::ptr;

use crate::error::{Error, ErrorKind};
use crate::panic::catch;
use crate::platform;
use error::koodrive_error;
use status::{KOODRIVE_OK, koodrive_status};

/// Runs a function that can fail: its status, and the error through `error` if that is not NULL.
///
/// # Safety
/// `error` is NULL or points to where a pointer may be written.
unsafe fn guard_status(
    error: *mut *mut koodrive_error,
    body: impl FnOnce() -> Result<(), Error>,
) -> koodrive_status {
    // SAFETY: the caller's promise.
    unsafe { write_out(error, ptr::null_mut()) };
    let _held_off = native::HeldOff::new();
    let bug = || {
        Error::new(
            ErrorKind::Internal,
            "a bug in koodrive; nothing was changed",
        )
    };
    match catch(body).unwrap_or_else(|_| Err(bug())) {
        Ok(()) => KOODRIVE_OK,
        Err(reason) => {
            let status = reason.kind as koodrive_status;
            if !error.is_null() {
                // SAFETY: not NULL, and the caller's promise.
                unsafe { write_out(error, into_handle(koodrive_error::new(&reason))) };
            }
            status
        }
    }
}

/// Runs a function that can't fail; `otherwise` is for the impossible panic.
fn guard<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch(body).unwrap_or(otherwise)
}

/// Writes to an out-parameter that may be NULL.
///
/// # Safety
/// `place` is NULL or points to where a `T` may be written.
unsafe fn write_out<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: not NULL, and the caller's promise.
        unsafe { place.write(value) };
    }
}

/// Hands an object to the caller, to be given back to `free`.
fn into_handle<T>(object: T) -> *mut T {
    Box::into_raw(Box::new(object))
}

/// Ends an object that `into_handle` handed out.
///
/// # Safety
/// `object` is NULL or came from `into_handle` and was not freed since.
unsafe fn free<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: not NULL, and the caller's promise.
        let object = unsafe { Box::from_raw(object) };
        let _held_off = native::HeldOff::new();
        let _ = catch(|| drop(object));
    }
}

/// An object that must be there.
///
/// # Safety
/// `object` is NULL or valid for reads during the call.
unsafe fn required<'a, T>(argument: &str, object: *const T) -> Result<&'a T, Error> {
    // SAFETY: the caller's promise.
    unsafe { object.as_ref() }.ok_or_else(|| is_null(argument))
}

/// An object that must be there, to be changed.
///
/// # Safety
/// `object` is NULL or valid for reads and writes during the call, and nobody else uses it.
unsafe fn required_mut<'a, T>(argument: &str, object: *mut T) -> Result<&'a mut T, Error> {
    // SAFETY: the caller's promise.
    unsafe { object.as_mut() }.ok_or_else(|| is_null(argument))
}

/// An out-parameter that must be there; it is set to NULL.
///
/// # Safety
/// `place` is NULL or points to where a pointer may be written.
unsafe fn required_out<T>(argument: &str, place: *mut *mut T) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { write_out(place, ptr::null_mut()) };
    if place.is_null() {
        Err(is_null(argument))
    } else {
        Ok(())
    }
}

/// A text that must be there.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string that stays as it is during the call.
unsafe fn required_text<'a>(argument: &str, text: *const c_char) -> Result<&'a str, Error> {
    // SAFETY: the caller's promise.
    unsafe { optional_text(argument, text) }?.ok_or_else(|| is_null(argument))
}

/// A text that may be NULL.
///
/// # Safety
/// As for `required_text`.
unsafe fn optional_text<'a>(argument: &str, text: *const c_char) -> Result<Option<&'a str>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    let text = text.to_str().map_err(|_| is_not_utf8(argument))?;
    Ok(Some(text))
}

/// A path that must be there; on Unix a file's name need not be UTF-8.
///
/// # Safety
/// As for `required_text`.
unsafe fn required_path<'a>(argument: &str, path: *const c_char) -> Result<&'a Path, Error> {
    if path.is_null() {
        return Err(is_null(argument));
    }
    // SAFETY: not NULL, and the caller's promise.
    let path = unsafe { CStr::from_ptr(path) };
    if path.is_empty() {
        return Err(Error::invalid(format!("{argument}: must not be empty")));
    }
    platform::path(path.to_bytes()).ok_or_else(|| is_not_utf8(argument))
}

/// An array of `count` elements; NULL is fine for none.
///
/// # Safety
/// `array` is NULL or points to `count` elements that stay as they are during the call.
unsafe fn required_array<'a, T>(
    argument: &str,
    array: *const T,
    count: usize,
) -> Result<&'a [T], Error> {
    if count == 0 {
        return Ok(&[]);
    }
    if array.is_null() {
        return Err(is_null(argument));
    }
    if count > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Error::invalid(format!(
            "{argument}: {count} elements do not fit in memory"
        )));
    }
    // SAFETY: not NULL, of a possible size, and the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(array, count) })
}

/// Scope ids as C passes them.
///
/// # Safety
/// `ids` is NULL or points to `count` pointers, each NULL or a NUL-terminated string, all of which
/// stay as they are during the call.
unsafe fn scope_ids<'a>(ids: *const *const c_char, count: usize) -> Result<Vec<&'a str>, Error> {
    // SAFETY: the caller's promise.
    let ids = unsafe { required_array("scope_ids", ids, count) }?;
    let text = |(index, id): (usize, &*const c_char)| {
        // SAFETY: the caller's promise.
        unsafe { optional_text("", *id) }
            .map_err(|_| Error::invalid(format!("scope_ids[{index}] is not UTF-8")))?
            .ok_or_else(|| Error::invalid(format!("scope_ids[{index}] is NULL")))
    };
    ids.iter().enumerate().map(text).collect()
}

/// A borrowed C string for the caller, or NULL.
fn c_pointer(text: Option<&CStr>) -> *const c_char {
    text.map_or(ptr::null(), CStr::as_ptr)
}

fn is_not_utf8(argument: &str) -> Error {
    Error::invalid(format!("{argument}: is not UTF-8"))
}

fn is_null(argument: &str) -> Error {
    Error::invalid(format!("{argument}: must not be NULL"))
}
