//! Rows of texts, for lists of many: no text has memory of its own.

use std::ffi::CStr;

use crate::error::Error;

/// Rows of `N` texts each, of which all may be missing.
#[derive(Clone, Debug, Default)]
pub(super) struct TextRows<const N: usize> {
    /// Of each row first which of its texts are there, as a bit each; then these, each closed by a NUL, so that
    /// C can read them in place.
    text: String,
    /// Where each row begins.
    rows: Vec<u32>,
}

impl<const N: usize> TextRows<N> {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds a row; an error where it does not fit.
    pub(super) fn push(&mut self, row: [Option<&str>; N]) -> Result<(), Error> {
        const { assert!(N < 7, "one ASCII character holds the bits") };
        let Ok(start) = u32::try_from(self.text.len()) else {
            return Err(Error::invalid("the list is longer than 4 GiB"));
        };
        let bit = |(column, text): (usize, &Option<&str>)| u8::from(text.is_some()) << column;
        let present: u8 = row.iter().enumerate().map(bit).sum();
        self.rows.push(start);
        self.text.push(char::from(present));
        for text in row.into_iter().flatten() {
            // A NUL would end it.
            match text.contains('\0') {
                true => self.text.push_str(&text.replace('\0', "\u{fffd}")),
                false => self.text.push_str(text),
            }
            self.text.push('\0');
        }
        Ok(())
    }

    /// Drops all rows but the first `count`.
    pub(super) fn truncate(&mut self, count: usize) {
        if let Some(start) = self.rows.get(count) {
            self.text.truncate(*start as usize);
            self.rows.truncate(count);
        }
    }

    /// A text of a row, if both are there.
    pub(super) fn get(&self, row: usize, column: usize) -> Option<&str> {
        let start = *self.rows.get(row)? as usize;
        let present = *self.text.as_bytes().get(start)?;
        if present & 1 << column == 0 {
            return None;
        }
        let before = (present & ((1 << column) - 1)).count_ones() as usize;
        self.text[start + 1..].split('\0').nth(before)
    }

    /// The same, as C reads it.
    pub(super) fn get_c(&self, row: usize, column: usize) -> Option<&CStr> {
        let text = self.get(row, column)?;
        let start = text.as_ptr() as usize - self.text.as_ptr() as usize;
        CStr::from_bytes_until_nul(&self.text.as_bytes()[start..]).ok()
    }
}
