//! The structs of the specification, whose text for C is `arrow.h` beside this file.
#![allow(missing_docs, reason = "the specification documents the fields")]

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

/// What a column is: its name, its format, its children.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowSchema {
    pub format: *const c_char,
    pub name: *const c_char,
    pub metadata: *const c_char,
    pub flags: i64,
    pub n_children: i64,
    pub children: *mut *mut ArrowSchema,
    pub dictionary: *mut ArrowSchema,
    pub release: Option<unsafe extern "C" fn(*mut ArrowSchema)>,
    pub private_data: *mut c_void,
}

/// The memory of a column, of some of its rows.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowArray {
    pub length: i64,
    pub null_count: i64,
    pub offset: i64,
    pub n_buffers: i64,
    pub n_children: i64,
    pub buffers: *mut *const c_void,
    pub children: *mut *mut ArrowArray,
    pub dictionary: *mut ArrowArray,
    pub release: Option<unsafe extern "C" fn(*mut ArrowArray)>,
    pub private_data: *mut c_void,
}

/// A table, batch by batch.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowArrayStream {
    pub get_schema: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut ArrowSchema) -> c_int>,
    pub get_next: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut ArrowArray) -> c_int>,
    pub get_last_error: Option<unsafe extern "C" fn(*mut ArrowArrayStream) -> *const c_char>,
    pub release: Option<unsafe extern "C" fn(*mut ArrowArrayStream)>,
    pub private_data: *mut c_void,
}

/// A struct that says itself how it is released; one that says nothing is released.
pub trait Releasable {
    /// What a producer fills, and what is left of a struct that was released or moved.
    const RELEASED: Self;

    /// How it is released.
    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)>;

    /// What only its producer knows.
    fn private_data(&self) -> *mut c_void;
}

impl Releasable for ArrowSchema {
    const RELEASED: Self = Self {
        format: ptr::null(),
        name: ptr::null(),
        metadata: ptr::null(),
        flags: 0,
        n_children: 0,
        children: ptr::null_mut(),
        dictionary: ptr::null_mut(),
        release: None,
        private_data: ptr::null_mut(),
    };

    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)> {
        self.release
    }

    fn private_data(&self) -> *mut c_void {
        self.private_data
    }
}

impl Releasable for ArrowArray {
    const RELEASED: Self = Self {
        length: 0,
        null_count: 0,
        offset: 0,
        n_buffers: 0,
        n_children: 0,
        buffers: ptr::null_mut(),
        children: ptr::null_mut(),
        dictionary: ptr::null_mut(),
        release: None,
        private_data: ptr::null_mut(),
    };

    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)> {
        self.release
    }

    fn private_data(&self) -> *mut c_void {
        self.private_data
    }
}

impl Releasable for ArrowArrayStream {
    const RELEASED: Self = Self {
        get_schema: None,
        get_next: None,
        get_last_error: None,
        release: None,
        private_data: ptr::null_mut(),
    };

    fn release(&self) -> Option<unsafe extern "C" fn(*mut Self)> {
        self.release
    }

    fn private_data(&self) -> *mut c_void {
        self.private_data
    }
}
