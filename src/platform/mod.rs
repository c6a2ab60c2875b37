//! What differs by platform, with the same face on each. Calls that need unsafe code are in
//! `ffi::native`.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;
