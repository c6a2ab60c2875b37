//! What a producer hands over, and when it is released.

use std::ffi::{CStr, c_int};
use std::ops::Deref;
use std::{mem, ptr};

use super::abi::{ArrowArray, ArrowArrayStream, ArrowSchema, Releasable};
use crate::error::Error;
use crate::ffi::required_mut;

/// As long as a message of the service may be.
const MAX_MESSAGE_CHARS: usize = 1000;

/// A struct that a producer filled; it is released when it goes.
pub(in crate::ffi) struct Owned<T: Releasable>(T);

pub(in crate::ffi) type Stream = Owned<ArrowArrayStream>;

impl<T: Releasable> Owned<T> {
    /// Moves a struct out of its place, which is left released.
    ///
    /// # Safety
    /// `place` is NULL or points to a struct that is released, or filled as the specification says and used by
    /// nobody else.
    pub(in crate::ffi) unsafe fn take(argument: &str, place: *mut T) -> Result<Self, Error> {
        // SAFETY: the caller's promise. The specification allows that structs are moved.
        let taken = mem::replace(unsafe { required_mut(argument, place) }?, T::RELEASED);
        match taken.release() {
            Some(_) => Ok(Self(taken)),
            None => Err(Error::invalid(format!("{argument}: is released already"))),
        }
    }

    /// Has the producer fill a struct by a call that says whether it did.
    fn filled_by(fill: impl FnOnce(*mut T) -> Result<(), Error>) -> Result<Self, Error> {
        let mut empty = mem::ManuallyDrop::new(Self(T::RELEASED));
        // What a call that failed leaves in the struct is unspecified: it is not released.
        fill(ptr::from_mut(&mut empty.0))?;
        Ok(mem::ManuallyDrop::into_inner(empty))
    }
}

impl<T: Releasable> From<T> for Owned<T> {
    fn from(filled: T) -> Self {
        Self(filled)
    }
}

impl<T: Releasable> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Releasable> Drop for Owned<T> {
    fn drop(&mut self) {
        if let Some(release) = self.0.release() {
            // SAFETY: it was filled by its producer and not released since; nobody else has it.
            unsafe { release(&mut self.0) };
        }
    }
}

impl Stream {
    pub(super) fn schema(&mut self) -> Result<Owned<ArrowSchema>, Error> {
        let get_schema = self.0.get_schema.ok_or_else(|| lacks("get_schema"))?;
        let schema = Owned::filled_by(|schema| {
            // SAFETY: a function of the stream's producer, which is not released; `schema` is to be written.
            let code = unsafe { get_schema(&mut self.0, schema) };
            self.check(code)
        })?;
        match schema.release {
            Some(_) => Ok(schema),
            None => Err(Error::invalid("stream: its schema is released already")),
        }
    }

    /// The next batch; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Owned<ArrowArray>>, Error> {
        let get_next = self.0.get_next.ok_or_else(|| lacks("get_next"))?;
        let batch = Owned::filled_by(|batch| {
            // SAFETY: a function of the stream's producer, which is not released; `batch` is to be written.
            let code = unsafe { get_next(&mut self.0, batch) };
            self.check(code)
        })?;
        Ok(batch.release.is_some().then_some(batch))
    }

    fn check(&mut self, code: c_int) -> Result<(), Error> {
        if code == 0 {
            return Ok(());
        }
        let said = match self.0.get_last_error {
            // SAFETY: a function of the stream's producer, which is not released.
            Some(get_last_error) => unsafe { get_last_error(&mut self.0) },
            None => ptr::null(),
        };
        if said.is_null() {
            return Err(Error::invalid(format!("stream: failed with errno {code}")));
        }
        // SAFETY: not NULL: it ends with a NUL and stays as it is until the stream's next call.
        let said = unsafe { CStr::from_ptr(said) }.to_string_lossy();
        let said: String = said.chars().take(MAX_MESSAGE_CHARS).collect();
        Err(Error::invalid(format!("stream: {said}")))
    }
}

fn lacks(function: &str) -> Error {
    Error::invalid(format!("stream: has no {function}"))
}
