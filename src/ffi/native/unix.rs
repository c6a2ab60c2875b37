//! Unix: threads that are cancelled by pthread_cancel. Acting on it in a call would end a deletion in
//! its middle, by an unwinding that Rust does not allow.

use std::ffi::c_int;

#[cfg(not(miri))]
unsafe extern "C" {
    // POSIX; the libc crate has it for few systems.
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// Miri knows no cancellation.
#[cfg(miri)]
unsafe fn pthread_setcancelstate(_: c_int, _: *mut c_int) -> c_int {
    0
}

#[cfg(not(target_vendor = "apple"))]
const PTHREAD_CANCEL_DISABLE: c_int = 1;
#[cfg(target_vendor = "apple")]
const PTHREAD_CANCEL_DISABLE: c_int = 0;

/// Holds off the cancellation of the calling thread for as long as it lives.
pub(in crate::ffi) struct HeldOff {
    before: c_int,
}

impl HeldOff {
    pub(in crate::ffi) fn new() -> Self {
        let mut before = 0;
        // SAFETY: `before` is a place for an int, and the state is one that POSIX names.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut before) };
        Self { before }
    }
}

impl Drop for HeldOff {
    fn drop(&mut self) {
        let mut unused = 0;
        // SAFETY: the state is one that this function returned, and `unused` a place for an int.
        unsafe { pthread_setcancelstate(self.before, &raw mut unused) };
    }
}

/// Keeps the library mapped: on Unix it is linked so that it stays.
pub(in crate::ffi) fn stay_loaded() {}
