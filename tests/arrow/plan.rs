//! A C program's plan, and what it holds.

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::LazyLock;

use koodrive::ffi::arrow::abi::ArrowArrayStream;
use koodrive::ffi::client::*;
use koodrive::ffi::config::*;
use koodrive::ffi::error::*;
use koodrive::ffi::monitor::*;
use koodrive::ffi::plan::*;
use koodrive::ffi::result::*;
use koodrive::ffi::status::*;

use crate::layouts::Column;
use crate::producer::{Array, Held, Schema, Stream, export};

/// The user of ids that are added without one.
pub const CONFIGURED: &str = "the config's";

/// User, device, id, and whether it was tried before.
pub type Row = (String, String, String, bool);

pub struct Plan(pub *mut koodrive_plan);

impl Plan {
    pub fn new() -> Self {
        Self(koodrive_plan_new())
    }

    /// Adds a stream, of which nothing must be left; why it is refused.
    pub fn add(&mut self, stream: Stream) -> Result<(), String> {
        let held = Held::default();
        let mut stream = export(stream, &held);
        let before = self.rows();
        let added = self.add_stream(&mut stream);
        assert!(stream.release.is_none(), "the stream is released");
        assert_eq!(held.count(), 0, "all that it handed out is, too");
        if added.is_err() {
            assert_eq!(self.rows(), before, "what fails adds nothing");
        }
        added
    }

    pub fn add_stream(&mut self, stream: &mut ArrowArrayStream) -> Result<(), String> {
        // SAFETY: a live plan; a stream that is released or filled.
        call(|error| unsafe { koodrive_plan_add_arrow(self.0, stream, error) })
    }

    /// Adds one batch of these columns.
    pub fn add_columns(&mut self, columns: &[Column]) -> Result<(), String> {
        self.add(stream(columns))
    }

    /// The result of a run that is cancelled before it sends anything. The caller frees it.
    pub fn cancelled(&self) -> *mut koodrive_result {
        static CLIENT: LazyLock<Shared> = LazyLock::new(|| Shared(client("http://127.0.0.1:1")));
        let client = CLIENT.0;
        let monitor = koodrive_monitor_new();
        let mut result = ptr::null_mut();
        // SAFETY: live objects; those that are freed are not used again.
        unsafe {
            koodrive_monitor_cancel(monitor);
            let _ = call(|error| {
                koodrive_client_delete_plan(client, self.0, monitor, &mut result, error)
            });
            koodrive_monitor_free(monitor);
        }
        result
    }

    /// What it holds.
    pub fn rows(&self) -> Vec<Row> {
        let result = self.cancelled();
        // SAFETY: a live result, which is freed once.
        unsafe {
            let outcomes = koodrive_result_outcomes(result);
            let row = |index| {
                (
                    text(koodrive_result_user_id(result, index)),
                    text(koodrive_result_device_id(result, index)),
                    text(koodrive_result_scope_id(result, index)),
                    *outcomes.add(index) == KOODRIVE_OUTCOME_UNKNOWN,
                )
            };
            let rows = (0..koodrive_result_count(result)).map(row).collect();
            koodrive_result_free(result);
            rows
        }
    }
}

/// A client, which any number of threads may use at once.
struct Shared(*mut koodrive_client);

// SAFETY: so says the header.
unsafe impl Send for Shared {}
// SAFETY: so says the header.
unsafe impl Sync for Shared {}

impl Drop for Plan {
    fn drop(&mut self) {
        // SAFETY: live, and not used again.
        unsafe { koodrive_plan_free(self.0) };
    }
}

/// A stream of one batch.
pub fn stream(columns: &[Column]) -> Stream {
    Stream {
        schema: Ok(schema(columns)),
        batches: vec![Ok(batch(columns))],
    }
}

pub fn schema(columns: &[Column]) -> Schema {
    Schema {
        format: "+s".to_owned(),
        children: columns.iter().map(|column| column.schema.clone()).collect(),
        ..Schema::default()
    }
}

/// As long as its first column.
pub fn batch(columns: &[Column]) -> Array {
    Array {
        length: columns.first().map_or(0, |column| column.array.length),
        buffers: vec![None],
        children: columns
            .iter()
            .map(|column| Some(column.array.clone()))
            .collect(),
        ..Array::default()
    }
}

pub fn client(endpoint: &str) -> *mut koodrive_client {
    let config = koodrive_config_new();
    let mut client = ptr::null_mut();
    let text = |text: &str| CString::new(text).unwrap();
    let (endpoint, user, token) = (text(endpoint), text(CONFIGURED), text("token"));
    // SAFETY: a live config, which is freed once; texts that live through the calls.
    unsafe {
        call(|error| koodrive_config_set_endpoint(config, endpoint.as_ptr(), error)).unwrap();
        call(|error| koodrive_config_set_user_id(config, user.as_ptr(), error)).unwrap();
        call(|error| koodrive_config_set_access_token(config, token.as_ptr(), error)).unwrap();
        call(|error| koodrive_client_new(config, &mut client, error)).unwrap();
        koodrive_config_free(config);
    }
    client
}

/// What a function says of itself; the message if it fails.
pub fn call(
    function: impl FnOnce(*mut *mut koodrive_error) -> koodrive_status,
) -> Result<(), String> {
    let mut error = ptr::null_mut();
    let status = function(&mut error);
    if error.is_null() {
        assert_eq!(status, KOODRIVE_OK);
        return Ok(());
    }
    // SAFETY: a live error, which is freed once.
    unsafe {
        let message = text(koodrive_error_message(error));
        assert_eq!(koodrive_error_status(error), status);
        assert_ne!(status, KOODRIVE_ERROR_INTERNAL, "{message}");
        koodrive_error_free(error);
        Err(message)
    }
}

pub fn text(text: *const c_char) -> String {
    assert!(!text.is_null());
    // SAFETY: a text of the library, whose owner lives.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
}
