//! A consumer of the streams that the library hands out, which checks what the specification promises. The fuzzer's
//! target `arrow` uses it, too.

use std::ffi::{CStr, c_char};
use std::slice;

use koodrive::ffi::arrow::abi::{ArrowArray, ArrowArrayStream, ArrowSchema, Releasable};
use koodrive::ffi::result::{koodrive_result, koodrive_result_to_arrow};

use crate::plan::call;

/// A row of each column, in their order.
pub type Cells = [Option<String>; 6];

const NAMES: [&str; 6] = [
    "user_id",
    "device_id",
    "scope_id",
    "outcome",
    "service_code",
    "message",
];

pub fn to_arrow(result: *const koodrive_result) -> ArrowArrayStream {
    let mut stream = ArrowArrayStream::RELEASED;
    // SAFETY: NULL or a live result; a place for a stream.
    call(|error| unsafe { koodrive_result_to_arrow(result, &mut stream, error) }).unwrap();
    stream
}

/// The next batch of a stream; none at the end.
pub fn next(stream: &mut ArrowArrayStream) -> Option<ArrowArray> {
    let mut array = ArrowArray::RELEASED;
    let get_next = stream.get_next.unwrap();
    // SAFETY: a stream that is filled; a place for an array.
    assert_eq!(unsafe { get_next(stream, &mut array) }, 0);
    array.release.is_some().then_some(array)
}

pub fn release<T: Releasable>(mut filled: T) {
    let release = filled.release().expect("not released by now");
    // SAFETY: it is filled, and not used again.
    unsafe { release(&mut filled) };
    assert!(filled.release().is_none());
}

pub fn elements<'a, T>(array: *const T, count: i64) -> &'a [T] {
    assert!(!array.is_null() && array.is_aligned());
    // SAFETY: an array of the library, whose owner lives.
    unsafe { slice::from_raw_parts(array, count as usize) }
}

pub fn text(text: *const c_char) -> &'static str {
    // SAFETY: a static text of the library.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap()
}

pub fn check_schema(stream: &mut ArrowArrayStream) {
    let mut schema = ArrowSchema::RELEASED;
    let get_schema = stream.get_schema.unwrap();
    // SAFETY: a stream that is filled; a place for a schema.
    assert_eq!(unsafe { get_schema(stream, &mut schema) }, 0);
    assert_eq!(text(schema.format), "+s");
    let children = elements(schema.children, schema.n_children);
    let names = children.iter().map(|child| {
        // SAFETY: a live child.
        let child = unsafe { &**child };
        assert_eq!(text(child.format), "u");
        assert!(child.dictionary.is_null());
        let is_nullable = child.flags & 2 != 0;
        let name = text(child.name);
        assert_eq!(is_nullable, ["service_code", "message"].contains(&name));
        name
    });
    assert_eq!(names.collect::<Vec<_>>(), NAMES);
    release(schema);
}

/// The texts of a column.
pub fn column(array: &ArrowArray) -> Vec<Option<String>> {
    assert_eq!((array.offset, array.n_buffers), (0, 3));
    let buffers = elements(array.buffers, 3);
    let offsets = elements(buffers[1].cast::<i32>(), array.length + 1);
    let data = elements(
        buffers[2].cast::<u8>(),
        offsets[array.length as usize].into(),
    );
    let has_nulls = !buffers[0].is_null();
    assert_eq!(has_nulls, array.null_count > 0);
    let is_null = |row: usize| {
        let byte = || elements(buffers[0].cast::<u8>(), row as i64 / 8 + 1)[row / 8];
        has_nulls && byte() >> (row % 8) & 1 == 0
    };
    let text = |row: usize| {
        let text = &data[offsets[row] as usize..offsets[row + 1] as usize];
        String::from_utf8(text.to_vec()).unwrap()
    };
    let rows = 0..array.length as usize;
    let texts: Vec<_> = rows.map(|row| (!is_null(row)).then(|| text(row))).collect();
    let nulls = texts.iter().filter(|text| text.is_none()).count();
    assert_eq!(nulls as i64, array.null_count);
    texts
}

/// All rows of a stream, which is released then.
pub fn rows(mut stream: ArrowArrayStream) -> Vec<Cells> {
    check_schema(&mut stream);
    let mut rows = Vec::new();
    while let Some(batch) = next(&mut stream) {
        assert_eq!((batch.offset, batch.null_count, batch.n_buffers), (0, 0, 1));
        let children = elements(batch.children, batch.n_children);
        // SAFETY: live children.
        let columns = children.iter().map(|child| column(unsafe { &**child }));
        let mut columns: Vec<_> = columns.map(Vec::into_iter).collect();
        for _ in 0..batch.length {
            let mut cells = columns.iter_mut().map(|column| column.next().unwrap());
            rows.push([(); 6].map(|()| cells.next().unwrap()));
        }
        release(batch);
    }
    assert!(next(&mut stream).is_none(), "the end stays the end");
    release(stream);
    rows
}
