//! Windows: the library must stay where its threads run.

use std::ptr;

use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
};

/// Threads can't be cancelled.
pub(in crate::ffi) struct HeldOff;

impl HeldOff {
    pub(in crate::ffi) fn new() -> Self {
        Self
    }
}

/// Keeps the library mapped until the process ends: a look-up stuck in the system's resolver may
/// return after FreeLibrary.
pub(in crate::ffi) fn stay_loaded() {
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
    let inside = stay_loaded as fn() as *const u16;
    let mut module = ptr::null_mut();
    // SAFETY: an address in this module, and a place for its handle.
    unsafe { GetModuleHandleExW(flags, inside, &raw mut module) };
}
