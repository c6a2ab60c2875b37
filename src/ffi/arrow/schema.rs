//! Reads what a schema says of a column.

use std::ffi::{CStr, c_char};
use std::slice;

use super::abi::ArrowSchema;
use super::layout::{IdLayout, check_flags};

/// The name of a column; empty if it has none.
///
/// # Safety
/// The schema is not released, and its producer filled it as the specification says.
pub(super) unsafe fn name(schema: &ArrowSchema) -> &[u8] {
    // SAFETY: the caller's promise.
    unsafe { text(schema.name) }
}

/// Whether it is that of a table.
///
/// # Safety
/// As for `name`.
pub(super) unsafe fn is_table(schema: &ArrowSchema) -> bool {
    // SAFETY: the caller's promise.
    unsafe { text(schema.format) == b"+s" }
}

/// How the ids of a column lie in memory.
///
/// # Safety
/// As for `name`.
pub(super) unsafe fn id_layout(schema: &ArrowSchema) -> Result<IdLayout, String> {
    // SAFETY: the caller's promise; a dictionary is NULL or lives as long as its schema.
    unsafe {
        let entries = match schema.dictionary.as_ref() {
            Some(entries) if !entries.dictionary.is_null() => {
                return Err("is a dictionary of dictionaries".to_owned());
            }
            Some(entries) => Some(own_format(entries)?),
            None => None,
        };
        IdLayout::new(own_format(schema)?, entries)
    }
}

/// Refuses a column that is not one of yes and no.
///
/// # Safety
/// As for `name`.
pub(super) unsafe fn check_is_flags(schema: &ArrowSchema) -> Result<(), String> {
    // SAFETY: the caller's promise.
    check_flags(unsafe { own_format(schema) }?, !schema.dictionary.is_null())
}

/// The format of a column, if it says all of what stands in it.
///
/// # Safety
/// As for `name`.
unsafe fn own_format(schema: &ArrowSchema) -> Result<&[u8], String> {
    // SAFETY: the caller's promise.
    match unsafe { is_extension(schema.metadata) }? {
        true => Err("is of an extension type, whose values may mean something else".to_owned()),
        // SAFETY: the caller's promise.
        false => Ok(unsafe { text(schema.format) }),
    }
}

/// # Safety
/// `text` is NULL or ends with a NUL, and stays as it is for `'a`.
unsafe fn text<'a>(text: *const c_char) -> &'a [u8] {
    match text.is_null() {
        true => b"",
        // SAFETY: not NULL, and the caller's promise.
        false => unsafe { CStr::from_ptr(text) }.to_bytes(),
    }
}

/// Whether metadata name an extension type.
///
/// # Safety
/// `metadata` is NULL or filled as the specification says.
unsafe fn is_extension(metadata: *const c_char) -> Result<bool, String> {
    if metadata.is_null() {
        return Ok(false);
    }
    let mut metadata = Metadata(metadata.cast());
    // SAFETY: the caller's promise: so many pairs of a key and a value.
    unsafe {
        for _ in 0..metadata.number()? {
            let key = metadata.text()?;
            metadata.text()?;
            if key == b"ARROW:extension:name" {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What is left of metadata.
struct Metadata(*const u8);

impl Metadata {
    /// # Safety
    /// A number comes next.
    unsafe fn number(&mut self) -> Result<usize, String> {
        // SAFETY: the caller's promise.
        let bytes = unsafe { self.take(size_of::<i32>()) };
        let number = i32::from_ne_bytes(bytes.try_into().unwrap_or_default());
        usize::try_from(number).map_err(|_| "has broken metadata".to_owned())
    }

    /// # Safety
    /// A length and as many bytes come next.
    unsafe fn text<'a>(&mut self) -> Result<&'a [u8], String> {
        // SAFETY: the caller's promise.
        unsafe { self.number().map(|length| self.take(length)) }
    }

    /// # Safety
    /// So many bytes come next.
    unsafe fn take<'a>(&mut self, count: usize) -> &'a [u8] {
        // SAFETY: the caller's promise. What comes then begins at most one beyond the end of the metadata.
        unsafe {
            let taken = slice::from_raw_parts(self.0, count);
            self.0 = self.0.add(count);
            taken
        }
    }
}
