//! Texts in a column: one behind the other, or anywhere, found by views.

use std::ops::Range;

use super::column::{Broken, at, repeats};

pub(super) const BAD_OFFSETS: Broken = "has offsets that descend or lead out of its data";
const BAD_VIEW: Broken = "has a view that leads out of its data or differs from it";
const NO_TEXT: Broken = "is not UTF-8";

/// Bytes that texts are parts of.
pub(super) struct Data<'a> {
    bytes: &'a [u8],
    /// All of them, if they are known to be UTF-8.
    checked: Option<&'a str>,
}

impl<'a> Data<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            checked: None,
        }
    }

    fn check(&mut self) {
        self.checked = std::str::from_utf8(self.bytes).ok();
    }

    /// The text at a range in its bounds.
    fn text(&self, range: Range<usize>) -> Result<&'a str, Broken> {
        match self.checked {
            Some(text) => text.get(range).ok_or(NO_TEXT),
            None => std::str::from_utf8(&self.bytes[range]).map_err(|_| NO_TEXT),
        }
    }
}

/// Whether data is checked in one go. Batches of a few rows each may share long data, which is not read again for
/// each.
fn is_mostly_used(held: usize, used: usize) -> bool {
    held / 2 <= used
}

/// Texts one behind the other.
pub(super) struct Text<'a> {
    /// Where each begins in `data`, and where the last ends, as signed numbers of so many bytes.
    pub(super) offset_width: usize,
    pub(super) offsets: &'a [u8],
    pub(super) data: Data<'a>,
}

impl<'a> Text<'a> {
    pub(super) fn length(&self) -> usize {
        (self.offsets.len() / self.offset_width).saturating_sub(1)
    }

    pub(super) fn check(&mut self) {
        if is_mostly_used(self.data.bytes.len(), self.size()) {
            self.data.check();
        }
    }

    pub(super) fn get(&self, row: usize) -> Result<&'a str, Broken> {
        self.data.text(self.range(row).ok_or(BAD_OFFSETS)?)
    }

    /// Where a text stands, in the data's bounds.
    fn range(&self, row: usize) -> Option<Range<usize>> {
        let range = self.offset(row)?..self.offset(row + 1)?;
        (range.start <= range.end && range.end <= self.data.bytes.len()).then_some(range)
    }

    pub(super) fn repeats(&self, row: usize, times: usize) -> bool {
        let Some(first) = self.range(row) else {
            return false;
        };
        let length = first.len();
        let are_as_long = (1..=times + 1)
            .all(|next| self.offset(row + next) == Some(first.start + next * length));
        let all = first.start..first.end + times * length;
        are_as_long
            && self
                .data
                .bytes
                .get(all)
                .is_some_and(|texts| texts[length..] == texts[..times * length])
    }

    /// How many bytes all texts have.
    pub(super) fn size(&self) -> usize {
        let length = self.data.bytes.len();
        length - self.offset(0).unwrap_or(0).min(length)
    }

    pub(super) fn offset(&self, index: usize) -> Option<usize> {
        match self.offset_width {
            4 => i32::from_ne_bytes(at(self.offsets, index)?).try_into(),
            _ => i64::from_ne_bytes(at(self.offsets, index)?).try_into(),
        }
        .ok()
    }
}

/// How many bytes a view has.
pub(super) const VIEW_BYTES: usize = 16;

/// How long a text may be that stands in its view.
const MOST_INLINE: usize = 12;

/// Texts that stand in a view, or anywhere in some buffers.
pub(super) struct Views<'a> {
    pub(super) views: Data<'a>,
    pub(super) buffers: Vec<Data<'a>>,
}

impl Views<'_> {
    pub(super) fn length(&self) -> usize {
        self.views.bytes.len() / VIEW_BYTES
    }

    pub(super) fn get(&self, row: usize) -> Result<&str, Broken> {
        let (data, range) = self.place(row).ok_or(BAD_VIEW)?;
        data.text(range)
    }

    fn bytes(&self, row: usize) -> Option<&[u8]> {
        let (data, range) = self.place(row)?;
        Some(&data.bytes[range])
    }

    /// Where a text stands, in the data's bounds.
    fn place(&self, row: usize) -> Option<(&Data<'_>, Range<usize>)> {
        let view = at::<VIEW_BYTES>(self.views.bytes, row)?;
        // Length; then the text, or its first four bytes, the number of its buffer, and where it begins there.
        let part = |index| at(&view, index).map(i32::from_ne_bytes);
        let length = usize::try_from(part(0)?).ok()?;
        if length <= MOST_INLINE {
            let start = row * VIEW_BYTES + 4;
            return Some((&self.views, start..start + length));
        }
        let buffer = self.buffers.get(usize::try_from(part(2)?).ok()?)?;
        let start = usize::try_from(part(3)?).ok()?;
        let range = start..start.checked_add(length)?;
        let text = buffer.bytes.get(range.clone())?;
        text.starts_with(&view[4..8]).then_some((buffer, range))
    }

    pub(super) fn repeats(&self, row: usize, times: usize) -> bool {
        repeats(self.views.bytes, row, times, VIEW_BYTES)
            || self.bytes(row).is_some_and(|text| {
                (row + 1..=row + times).all(|next| self.bytes(next) == Some(text))
            })
    }

    /// How many bytes all texts have, as far as there are so many.
    pub(super) fn size(&self) -> usize {
        let (views, _) = self.views.bytes.as_chunks::<VIEW_BYTES>();
        let lengths = views.iter().filter_map(|view| {
            let length = i32::from_ne_bytes(at(view, 0)?);
            usize::try_from(length).ok()
        });
        let inline = self.views.bytes.len();
        lengths
            .fold(0, usize::saturating_add)
            .min(self.held().saturating_add(inline))
    }

    fn held(&self) -> usize {
        let buffers = self.buffers.iter().map(|data| data.bytes.len());
        buffers.fold(0, usize::saturating_add)
    }

    pub(super) fn check(&mut self) {
        if is_mostly_used(self.held(), self.size()) {
            self.buffers.iter_mut().for_each(Data::check);
        }
    }
}
