//! A producer of Arrow streams, which hands out whatever it is told to, also what contradicts itself. The fuzzer's
//! target `arrow` uses it, too.

use std::collections::VecDeque;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use koodrive::ffi::arrow::abi::{ArrowArray, ArrowArrayStream, ArrowSchema, Releasable};

/// What an `ArrowSchema` says.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    pub name: String,
    pub format: String,
    /// As the specification encodes it.
    pub metadata: Option<Vec<u8>>,
    pub children: Vec<Schema>,
    /// If it is not that of `children`.
    pub n_children: Option<i64>,
    pub dictionary: Option<Box<Schema>>,
}

/// What an `ArrowArray` says.
#[derive(Clone, Debug, Default)]
pub struct Array {
    pub length: i64,
    pub offset: i64,
    pub null_count: i64,
    /// None: NULL.
    pub buffers: Vec<Option<Vec<u8>>>,
    /// If it is not that of `buffers`; then no more than those.
    pub n_buffers: Option<i64>,
    /// None: NULL.
    pub children: Vec<Option<Array>>,
    pub n_children: Option<i64>,
    pub dictionary: Option<Box<Array>>,
}

/// What a stream answers, one call after the other.
#[derive(Clone, Debug)]
pub struct Stream {
    pub schema: Result<Schema, Failure>,
    pub batches: Vec<Result<Array, Failure>>,
}

/// How a call of a stream fails.
#[derive(Clone, Debug)]
pub struct Failure {
    pub errno: c_int,
    pub words: Option<String>,
}

/// How many structs were handed out and not released.
#[derive(Clone, Default)]
pub struct Held(Arc<AtomicUsize>);

impl Held {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn more(&self) -> Self {
        self.0.fetch_add(1, Ordering::SeqCst);
        self.clone()
    }

    fn less(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct StreamData {
    schema: Result<Schema, Failure>,
    batches: VecDeque<Result<Array, Failure>>,
    words: Option<CString>,
    held: Held,
}

/// Hands a stream out.
pub fn export(stream: Stream, held: &Held) -> ArrowArrayStream {
    let data = StreamData {
        schema: stream.schema,
        batches: stream.batches.into(),
        words: None,
        held: held.more(),
    };
    ArrowArrayStream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: Some(get_last_error),
        release: Some(release_stream),
        private_data: Box::into_raw(Box::new(data)).cast(),
    }
}

fn data<'a>(stream: *mut ArrowArrayStream) -> &'a mut StreamData {
    // SAFETY: a stream of `export`, which is not released.
    unsafe { &mut *(*stream).private_data.cast() }
}

unsafe extern "C" fn get_schema(stream: *mut ArrowArrayStream, out: *mut ArrowSchema) -> c_int {
    let data = data(stream);
    match data.schema.clone() {
        Ok(schema) => {
            // SAFETY: the consumer's place for a schema.
            unsafe { out.write(export_schema(&schema, &data.held)) };
            0
        }
        Err(failure) => fail(data, failure),
    }
}

unsafe extern "C" fn get_next(stream: *mut ArrowArrayStream, out: *mut ArrowArray) -> c_int {
    let data = data(stream);
    let array = match data.batches.pop_front() {
        Some(Ok(array)) => export_array(array, &data.held),
        Some(Err(failure)) => return fail(data, failure),
        None => ArrowArray::RELEASED,
    };
    // SAFETY: the consumer's place for an array.
    unsafe { out.write(array) };
    0
}

fn fail(data: &mut StreamData, failure: Failure) -> c_int {
    data.words = failure.words.map(|words| CString::new(words).unwrap());
    failure.errno
}

unsafe extern "C" fn get_last_error(stream: *mut ArrowArrayStream) -> *const c_char {
    let words = &data(stream).words;
    words.as_ref().map_or(ptr::null(), |words| words.as_ptr())
}

unsafe extern "C" fn release_stream(stream: *mut ArrowArrayStream) {
    // SAFETY: a stream of `export`, which is released once.
    let data = unsafe {
        let data = Box::from_raw((*stream).private_data.cast::<StreamData>());
        *stream = ArrowArrayStream::RELEASED;
        data
    };
    data.held.less();
}

/// What a schema's or an array's private data own.
struct Owner<T> {
    children: Vec<*mut T>,
    dictionary: *mut T,
    texts: Vec<CString>,
    bytes: Vec<Option<Vec<u8>>>,
    buffers: Vec<*const c_void>,
    held: Held,
}

impl<T: Releasable> Owner<T> {
    fn new(children: Vec<Option<T>>, dictionary: Option<T>, held: &Held) -> Self {
        let leak = |child: Option<T>| {
            child.map_or(ptr::null_mut(), |child| Box::into_raw(Box::new(child)))
        };
        Self {
            children: children.into_iter().map(leak).collect(),
            dictionary: leak(dictionary),
            texts: Vec::new(),
            bytes: Vec::new(),
            buffers: Vec::new(),
            held: held.more(),
        }
    }
}

unsafe extern "C" fn release<T: Releasable>(place: *mut T) {
    // SAFETY: a struct that was exported here, which is released once, and its children by it.
    unsafe {
        let owner = Box::from_raw((*place).private_data().cast::<Owner<T>>());
        *place = T::RELEASED;
        for child in owner.children.iter().chain([&owner.dictionary]) {
            if !child.is_null() {
                let mut child = Box::from_raw(*child);
                if let Some(release) = child.release() {
                    release(&mut *child);
                }
            }
        }
        owner.held.less();
    }
}

fn export_schema(schema: &Schema, held: &Held) -> ArrowSchema {
    let children = schema.children.iter();
    let children = children.map(|child| Some(export_schema(child, held)));
    let dictionary = schema.dictionary.as_deref();
    let dictionary = dictionary.map(|schema| export_schema(schema, held));
    let mut owner = Owner::new(children.collect(), dictionary, held);
    owner.texts = [&schema.format, &schema.name]
        .map(|text| CString::new(text.as_str()).unwrap())
        .into();
    owner.bytes = vec![schema.metadata.clone()];
    ArrowSchema {
        format: owner.texts[0].as_ptr(),
        name: owner.texts[1].as_ptr(),
        metadata: pointer(&owner.bytes[0]).cast(),
        n_children: schema.n_children.unwrap_or(owner.children.len() as i64),
        children: owner.children.as_mut_ptr(),
        dictionary: owner.dictionary,
        release: Some(release::<ArrowSchema>),
        private_data: Box::into_raw(Box::new(owner)).cast(),
        ..ArrowSchema::RELEASED
    }
}

fn export_array(array: Array, held: &Held) -> ArrowArray {
    let children = array.children.into_iter();
    let children = children.map(|child| child.map(|child| export_array(child, held)));
    let dictionary = array.dictionary.map(|array| export_array(*array, held));
    let mut owner = Owner::new(children.collect(), dictionary, held);
    owner.bytes = array.buffers;
    owner.buffers = owner.bytes.iter().map(pointer).collect();
    ArrowArray {
        length: array.length,
        offset: array.offset,
        null_count: array.null_count,
        n_buffers: array.n_buffers.unwrap_or(owner.buffers.len() as i64),
        n_children: array.n_children.unwrap_or(owner.children.len() as i64),
        buffers: owner.buffers.as_mut_ptr(),
        children: owner.children.as_mut_ptr(),
        dictionary: owner.dictionary,
        release: Some(release::<ArrowArray>),
        private_data: Box::into_raw(Box::new(owner)).cast(),
    }
}

fn pointer(bytes: &Option<Vec<u8>>) -> *const c_void {
    bytes
        .as_ref()
        .map_or(ptr::null(), |bytes| bytes.as_ptr().cast())
}
