//! Columns in the layouts that producers hand over.

use crate::producer::{Array, Schema};

/// A column: what its schema says, and its array.
#[derive(Clone, Debug)]
pub struct Column {
    pub schema: Schema,
    pub array: Array,
}

impl Column {
    fn new(format: &str, length: usize, buffers: Vec<Option<Vec<u8>>>) -> Self {
        Self {
            schema: Schema {
                format: format.to_owned(),
                ..Schema::default()
            },
            array: Array {
                length: length as i64,
                buffers,
                ..Array::default()
            },
        }
    }

    /// Texts behind one another, with offsets of 32 bits (`u`) or 64 (`U`).
    pub fn texts(format: &str, texts: &[Option<&str>]) -> Self {
        let mut offsets = vec![0i64];
        let mut data = Vec::new();
        for text in texts {
            data.extend_from_slice(text.unwrap_or_default().as_bytes());
            offsets.push(data.len() as i64);
        }
        let offsets = match format {
            "u" => offsets
                .iter()
                .flat_map(|offset| (*offset as i32).to_ne_bytes())
                .collect(),
            _ => offsets
                .iter()
                .flat_map(|offset| offset.to_ne_bytes())
                .collect(),
        };
        let buffers = vec![validity(texts), Some(offsets), Some(data)];
        Self::new(format, texts.len(), buffers)
    }

    /// Views; long texts stand in two buffers by turns.
    pub fn views(texts: &[Option<&str>]) -> Self {
        let mut views = Vec::new();
        let mut data = [Vec::new(), Vec::new()];
        for (index, text) in texts.iter().enumerate() {
            let text = text.unwrap_or_default().as_bytes();
            views.extend_from_slice(&(text.len() as i32).to_ne_bytes());
            if text.len() <= 12 {
                views.extend_from_slice(text);
                views.resize(16 * (index + 1), 0);
            } else {
                let buffer = &mut data[index % 2];
                views.extend_from_slice(&text[..4]);
                views.extend_from_slice(&(index as i32 % 2).to_ne_bytes());
                views.extend_from_slice(&(buffer.len() as i32).to_ne_bytes());
                buffer.extend_from_slice(text);
            }
        }
        let sizes = data
            .iter()
            .flat_map(|buffer| (buffer.len() as i64).to_ne_bytes());
        let sizes = Some(sizes.collect());
        let [first, second] = data.map(Some);
        let buffers = vec![validity(texts), Some(views), first, second, sizes];
        Self::new("vu", texts.len(), buffers)
    }

    /// Integers of any format, cut to its width.
    pub fn integers(format: &str, numbers: &[Option<i128>]) -> Self {
        let width = match format {
            "c" | "C" => 1,
            "s" | "S" => 2,
            "i" | "I" => 4,
            _ => 8,
        };
        let bytes = numbers.iter().flat_map(|number| {
            let bytes = number.unwrap_or(-1).to_le_bytes();
            bytes.into_iter().take(width)
        });
        let buffers = vec![validity(numbers), Some(bytes.collect())];
        Self::new(format, numbers.len(), buffers)
    }

    /// Numbers of entries of another column.
    pub fn dictionary(format: &str, indices: &[Option<i128>], entries: Column) -> Self {
        let mut column = Self::integers(format, indices);
        column.schema.dictionary = Some(Box::new(entries.schema));
        column.array.dictionary = Some(Box::new(entries.array));
        column
    }

    pub fn booleans(values: &[Option<bool>]) -> Self {
        let bits = bitmap(values.iter().map(|value| *value == Some(true)));
        Self::new("b", values.len(), vec![validity(values), Some(bits)])
    }

    pub fn nulls(length: usize) -> Self {
        let mut column = Self::new("n", length, Vec::new());
        column.array.null_count = length as i64;
        column
    }

    pub fn named(mut self, name: &str) -> Self {
        self.schema.name = name.to_owned();
        self
    }

    /// Only the rows from one on.
    pub fn skip(mut self, rows: i64) -> Self {
        self.array.offset += rows;
        self.array.length -= rows;
        self
    }
}

/// As little-endian bits; none where nothing is null.
fn validity<T>(values: &[Option<T>]) -> Option<Vec<u8>> {
    let has_nulls = values.iter().any(Option::is_none);
    has_nulls.then(|| bitmap(values.iter().map(Option::is_some)))
}

fn bitmap(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, bit) in bits.enumerate() {
        if index % 8 == 0 {
            bytes.push(0);
        }
        bytes[index / 8] |= u8::from(bit) << (index % 8);
    }
    bytes
}
