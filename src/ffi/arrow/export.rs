//! Hands a report over as a stream. Each struct's private data own all that it points to.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::Arc;

use super::abi::{ArrowArray, ArrowArrayStream, ArrowSchema, Releasable};
use super::outcomes::{self, COLUMNS, TextColumn};
use super::stream::Owned;
use crate::ffi::{free, into_handle};
use crate::panic::catch;
use crate::report::Report;

const NULLABLE: i64 = 2;

/// These have the same numbers on every platform.
const EIO: c_int = 5;
const EINVAL: c_int = 22;

/// A stream of a report's outcomes, which outlives all else that holds the report.
pub(in crate::ffi) fn export(report: Arc<Report>) -> ArrowArrayStream {
    let source = Source {
        rows_per_batch: outcomes::rows_per_batch(&report),
        report,
        next: 0,
        failure: None,
    };
    ArrowArrayStream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: Some(get_last_error),
        release: Some(release::<ArrowArrayStream, Source>),
        private_data: into_handle(source).cast(),
    }
}

/// Where a stream's batches come from.
struct Source {
    report: Arc<Report>,
    rows_per_batch: usize,
    next: usize,
    failure: Option<&'static CStr>,
}

impl Source {
    /// The next rows; a released array at the end.
    fn next_batch(&mut self) -> ArrowArray {
        let start = self.next;
        let end = self.report.count().min(start + self.rows_per_batch);
        if start == end {
            return ArrowArray::RELEASED;
        }
        let columns = outcomes::columns(&self.report, start..end);
        self.next = end;
        table_array(columns.map(text_array), end - start)
    }
}

/// # Safety
/// `stream` is a stream of `export`, which is not released; `out` is a place for a schema.
unsafe extern "C" fn get_schema(stream: *mut ArrowArrayStream, out: *mut ArrowSchema) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { attempt(stream, out, |_| table_schema()) }
}

/// # Safety
/// `stream` is a stream of `export`, which is not released; `out` is a place for an array.
unsafe extern "C" fn get_next(stream: *mut ArrowArrayStream, out: *mut ArrowArray) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { attempt(stream, out, Source::next_batch) }
}

/// # Safety
/// `stream` is a stream of `export`, which is not released.
unsafe extern "C" fn get_last_error(stream: *mut ArrowArrayStream) -> *const c_char {
    // SAFETY: the caller's promise.
    let source = unsafe { (*stream).private_data.cast::<Source>().as_ref() };
    let failure = source.and_then(|source| source.failure);
    failure.map_or(ptr::null(), CStr::as_ptr)
}

/// Writes what is made of a stream; the errno.
///
/// # Safety
/// `stream` is a stream of `export`, which is not released; `out` is a place for a `T`.
unsafe fn attempt<T>(
    stream: *mut ArrowArrayStream,
    out: *mut T,
    make: impl FnOnce(&mut Source) -> T,
) -> c_int {
    // SAFETY: the caller's promise; one thread at a time uses the stream.
    let Some(source) = (unsafe { (*stream).private_data.cast::<Source>().as_mut() }) else {
        return EINVAL;
    };
    match catch(|| make(source)) {
        Ok(made) => {
            // SAFETY: the caller's promise.
            unsafe { out.write(made) };
            0
        }
        Err(_) => {
            source.failure = Some(c"a bug in koodrive");
            EIO
        }
    }
}

/// Releases a struct whose private data are a `D` of `into_handle`, or none.
///
/// # Safety
/// As it says; nobody else uses the struct.
unsafe extern "C" fn release<T: Releasable, D>(place: *mut T) {
    // SAFETY: the caller's promise.
    unsafe {
        let released = mem::replace(&mut *place, T::RELEASED);
        free(released.private_data().cast::<D>());
    }
}

/// The children of a struct. A consumer may have moved some of them out: these are released already.
struct Children<T: Releasable>([*mut T; COLUMNS.len()]);

impl<T: Releasable> Children<T> {
    fn new(children: [T; COLUMNS.len()]) -> Self {
        Self(children.map(into_handle))
    }
}

impl<T: Releasable> Drop for Children<T> {
    fn drop(&mut self) {
        for child in self.0 {
            // SAFETY: it came from `into_handle`, and its parent, which is being released, alone has it.
            drop(Owned::from(*unsafe { Box::from_raw(child) }));
        }
    }
}

fn table_schema() -> ArrowSchema {
    let columns = COLUMNS.map(|(name, is_nullable)| ArrowSchema {
        format: c"u".as_ptr(),
        name: name.as_ptr(),
        flags: if is_nullable { NULLABLE } else { 0 },
        release: Some(release::<ArrowSchema, ()>),
        ..ArrowSchema::RELEASED
    });
    let children = into_handle(Children::new(columns));
    ArrowSchema {
        format: c"+s".as_ptr(),
        name: c"".as_ptr(),
        n_children: COLUMNS.len() as i64,
        // SAFETY: it was just made.
        children: unsafe { (*children).0.as_mut_ptr() },
        release: Some(release::<ArrowSchema, Children<ArrowSchema>>),
        private_data: children.cast(),
        ..ArrowSchema::RELEASED
    }
}

/// What a table's array owns.
struct TableData {
    children: Children<ArrowArray>,
    /// No row is null.
    buffers: [*const c_void; 1],
}

fn table_array(columns: [ArrowArray; COLUMNS.len()], rows: usize) -> ArrowArray {
    let data = into_handle(TableData {
        children: Children::new(columns),
        buffers: [ptr::null()],
    });
    ArrowArray {
        length: rows as i64,
        n_buffers: 1,
        n_children: COLUMNS.len() as i64,
        // SAFETY: it was just made.
        buffers: unsafe { (*data).buffers.as_mut_ptr() },
        // SAFETY: it was just made.
        children: unsafe { (*data).children.0.as_mut_ptr() },
        release: Some(release::<ArrowArray, TableData>),
        private_data: data.cast(),
        ..ArrowArray::RELEASED
    }
}

/// What a column's array owns.
struct ColumnData {
    /// What `buffers` point into.
    _column: TextColumn,
    buffers: [*const c_void; 3],
}

fn text_array(column: TextColumn) -> ArrowArray {
    let (rows, nulls) = (column.rows() as i64, column.null_count as i64);
    let validity = match column.null_count {
        0 => ptr::null(),
        _ => column.validity.as_ptr(),
    };
    let buffers = [
        validity.cast(),
        column.offsets.as_ptr().cast(),
        column.data.as_ptr().cast(),
    ];
    let data = into_handle(ColumnData {
        _column: column,
        buffers,
    });
    ArrowArray {
        length: rows,
        null_count: nulls,
        n_buffers: 3,
        // SAFETY: it was just made.
        buffers: unsafe { (*data).buffers.as_mut_ptr() },
        release: Some(release::<ArrowArray, ColumnData>),
        private_data: data.cast(),
        ..ArrowArray::RELEASED
    }
}
