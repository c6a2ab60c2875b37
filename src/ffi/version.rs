//! Which library this is.

use std::ffi::{CStr, c_char};

/// The major version of the interface that this header describes. It changes when a program would
/// have to be compiled anew; the SONAME carries it.
pub const KOODRIVE_ABI_VERSION_MAJOR: u32 = 1;

/// The minor version: it grows when something is added.
pub const KOODRIVE_ABI_VERSION_MINOR: u32 = 0;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version holds no NUL"),
    };

/// The interface version of the loaded library, `major << 16 | minor`. A program that loads the
/// library at run time compares the major with KOODRIVE_ABI_VERSION_MAJOR before anything else.
#[unsafe(no_mangle)]
pub extern "C" fn koodrive_abi_version() -> u32 {
    KOODRIVE_ABI_VERSION_MAJOR << 16 | KOODRIVE_ABI_VERSION_MINOR
}

/// The version of the loaded library, such as "0.1.0". Static: never free it.
#[unsafe(no_mangle)]
pub extern "C" fn koodrive_version() -> *const c_char {
    VERSION.as_ptr()
}
