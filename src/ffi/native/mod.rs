//! Calls of the platform that no safe crate has. What else differs by platform is in
//! `crate::platform`.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(super) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(super) use windows::*;
