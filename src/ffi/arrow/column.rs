//! What stands in a column. Nothing that its memory says of itself is believed before it was compared with the
//! memory's size.

use std::ops::Range;

use super::layout::Integer;

/// Why a value can't be read.
pub(super) type Broken = &'static str;

/// Room for a number's digits.
pub(super) type Digits = itoa::Buffer;

const NO_ENTRY: Broken = "has an index for which its dictionary has no entry";
pub(super) const BAD_OFFSETS: Broken = "has offsets that descend or lead out of its data";
const BAD_VIEW: Broken = "has a view that leads out of its data or differs from it";

/// A column of ids.
pub(super) struct Ids<'a> {
    pub(super) validity: Option<Bits<'a>>,
    pub(super) values: Values<'a>,
}

pub(super) enum Values<'a> {
    Null,
    Plain(Plain<'a>),
    Dictionary {
        indices: Integers<'a>,
        entries: Plain<'a>,
        validity: Option<Bits<'a>>,
    },
}

pub(super) enum Plain<'a> {
    Integers(Integers<'a>),
    Text(Text<'a>),
    Views(Views<'a>),
}

impl Ids<'_> {
    /// The id of a row; none where it is null.
    pub(super) fn get<'b>(
        &'b self,
        row: usize,
        digits: &'b mut Digits,
    ) -> Result<Option<&'b str>, Broken> {
        if is_null(self.validity.as_ref(), row) {
            return Ok(None);
        }
        match &self.values {
            Values::Null => Ok(None),
            Values::Plain(plain) => plain.get(row, digits).map(Some),
            Values::Dictionary {
                indices,
                entries,
                validity,
            } => {
                let entry = indices.get(row).and_then(Number::as_index);
                let entry = entry.filter(|entry| *entry < entries.length());
                let entry = entry.ok_or(NO_ENTRY)?;
                match is_null(validity.as_ref(), entry) {
                    true => Ok(None),
                    false => entries.get(entry, digits).map(Some),
                }
            }
        }
    }

    /// How many rows from this on, and before `end`, surely have the same id.
    pub(super) fn run(&self, row: usize, end: usize) -> usize {
        if row + 1 == end || !self.repeats_once(row) {
            return 1;
        }
        let mut last = row + 1;
        while self.validity.is_none() && end - last > BLOCK && self.repeats(last, BLOCK) {
            last += BLOCK;
        }
        while last + 1 < end && self.repeats_once(last) {
            last += 1;
        }
        last + 1 - row
    }

    /// Whether the row after this one surely has the same id.
    fn repeats_once(&self, row: usize) -> bool {
        let are_null = [row, row + 1].map(|row| is_null(self.validity.as_ref(), row));
        match are_null {
            [false, false] => self.repeats(row, 1),
            [this, next] => this && next,
        }
    }

    /// Whether so many rows after this one, none of which is null, surely have the same id.
    fn repeats(&self, row: usize, times: usize) -> bool {
        match &self.values {
            Values::Null => true,
            Values::Plain(Plain::Text(text)) => text.repeats(row, times),
            Values::Plain(Plain::Views(views)) => views.repeats(row, times),
            Values::Plain(Plain::Integers(integers))
            | Values::Dictionary {
                indices: integers, ..
            } => repeats(integers.bytes, row, times, integers.kind.width),
        }
    }

    /// Checks in one go that all texts are UTF-8; otherwise each is checked when it is read. Batches of a few rows
    /// each may share long data, which is not read again for each.
    pub(super) fn check_texts(&mut self) {
        if let Values::Plain(Plain::Text(text)) = &mut self.values
            && text.data.len() / 2 <= text.size()
        {
            text.checked = std::str::from_utf8(text.data).ok();
        }
    }

    /// Whether the layout says that all rows are null.
    pub(super) fn are_null(&self) -> bool {
        matches!(self.values, Values::Null)
    }

    /// About how many bytes its texts have.
    pub(super) fn size(&self) -> usize {
        match &self.values {
            Values::Plain(Plain::Text(text)) => text.size(),
            Values::Plain(Plain::Views(views)) => views.size(),
            _ => 0,
        }
    }
}

/// How many rows are compared at once.
const BLOCK: usize = 64;

/// Whether an element of so many bytes is repeated so many times.
fn repeats(bytes: &[u8], row: usize, times: usize, width: usize) -> bool {
    let elements = bytes.get(row * width..(row + times + 1) * width);
    elements.is_some_and(|elements| {
        let length = times * width;
        elements[..length] == elements[width..]
    })
}

impl Plain<'_> {
    fn length(&self) -> usize {
        match self {
            Self::Integers(integers) => integers.bytes.len() / integers.kind.width,
            Self::Text(text) => (text.offsets.len() / text.offset_width).saturating_sub(1),
            Self::Views(views) => views.views.len() / VIEW_BYTES,
        }
    }

    #[inline]
    fn get<'b>(&'b self, row: usize, digits: &'b mut Digits) -> Result<&'b str, Broken> {
        match self {
            Self::Integers(integers) => match integers.get(row).ok_or(NO_ENTRY)? {
                Number::Signed(number) => Ok(digits.format(number)),
                Number::Unsigned(number) => Ok(digits.format(number)),
            },
            Self::Text(text) => text.get(row),
            Self::Views(views) => utf8(views.get(row).ok_or(BAD_VIEW)?),
        }
    }
}

/// Short texts, one by one: that all are ASCII is found faster than that they are UTF-8.
#[inline]
fn utf8(text: &[u8]) -> Result<&str, Broken> {
    match text.is_ascii() {
        // SAFETY: ASCII is UTF-8.
        true => Ok(unsafe { std::str::from_utf8_unchecked(text) }),
        false => std::str::from_utf8(text).map_err(|_| "is not UTF-8"),
    }
}

/// Bits from one on, the lowest of a byte first.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) offset: usize,
}

impl Bits<'_> {
    pub(super) fn get(&self, row: usize) -> bool {
        let bit = self.offset + row;
        self.bytes[bit / 8] >> (bit % 8) & 1 == 1
    }
}

/// Whether a bitmap says that a row is null; without one none is.
pub(super) fn is_null(validity: Option<&Bits<'_>>, row: usize) -> bool {
    validity.is_some_and(|bits| !bits.get(row))
}

/// Whole numbers, of any alignment.
pub(super) struct Integers<'a> {
    pub(super) kind: Integer,
    pub(super) bytes: &'a [u8],
}

#[derive(Clone, Copy)]
enum Number {
    Signed(i64),
    Unsigned(u64),
}

impl Number {
    fn as_index(self) -> Option<usize> {
        match self {
            Self::Signed(number) => number.try_into().ok(),
            Self::Unsigned(number) => number.try_into().ok(),
        }
    }
}

impl Integers<'_> {
    // Its eight kinds would be a kilobyte of code at each place.
    #[inline(never)]
    fn get(&self, row: usize) -> Option<Number> {
        let Integer { width, is_signed } = self.kind;
        Some(match (width, is_signed) {
            (1, true) => Number::Signed(i8::from_ne_bytes(at(self.bytes, row)?).into()),
            (2, true) => Number::Signed(i16::from_ne_bytes(at(self.bytes, row)?).into()),
            (4, true) => Number::Signed(i32::from_ne_bytes(at(self.bytes, row)?).into()),
            (_, true) => Number::Signed(i64::from_ne_bytes(at(self.bytes, row)?)),
            (1, false) => Number::Unsigned(u8::from_ne_bytes(at(self.bytes, row)?).into()),
            (2, false) => Number::Unsigned(u16::from_ne_bytes(at(self.bytes, row)?).into()),
            (4, false) => Number::Unsigned(u32::from_ne_bytes(at(self.bytes, row)?).into()),
            (_, false) => Number::Unsigned(u64::from_ne_bytes(at(self.bytes, row)?)),
        })
    }
}

/// The element at an index of an array of elements of N bytes each.
fn at<const N: usize>(bytes: &[u8], index: usize) -> Option<[u8; N]> {
    bytes.as_chunks().0.get(index).copied()
}

/// Texts one behind the other.
pub(super) struct Text<'a> {
    /// Where each begins in `data`, and where the last ends, as signed numbers of so many bytes.
    pub(super) offset_width: usize,
    pub(super) offsets: &'a [u8],
    pub(super) data: &'a [u8],
    /// All of `data`, if it is known to be UTF-8.
    pub(super) checked: Option<&'a str>,
}

impl<'a> Text<'a> {
    fn get(&self, row: usize) -> Result<&'a str, Broken> {
        let range = self.range(row).ok_or(BAD_OFFSETS)?;
        match self.checked {
            Some(text) => text.get(range).ok_or("is not UTF-8"),
            None => utf8(&self.data[range]),
        }
    }

    /// Where a text stands, in the data's bounds.
    fn range(&self, row: usize) -> Option<Range<usize>> {
        let range = self.offset(row)?..self.offset(row + 1)?;
        (range.start <= range.end && range.end <= self.data.len()).then_some(range)
    }

    fn repeats(&self, row: usize, times: usize) -> bool {
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
                .get(all)
                .is_some_and(|texts| texts[length..] == texts[..times * length])
    }

    /// How many bytes all texts have.
    fn size(&self) -> usize {
        self.data.len() - self.offset(0).unwrap_or(0).min(self.data.len())
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
    pub(super) views: &'a [u8],
    pub(super) buffers: Vec<&'a [u8]>,
}

impl Views<'_> {
    fn repeats(&self, row: usize, times: usize) -> bool {
        repeats(self.views, row, times, VIEW_BYTES)
            || self.get(row).is_some_and(|text| {
                (row + 1..=row + times).all(|next| self.get(next) == Some(text))
            })
    }

    /// How many bytes all texts have, as far as there are so many.
    fn size(&self) -> usize {
        let (views, _) = self.views.as_chunks::<VIEW_BYTES>();
        let lengths = views.iter().filter_map(|view| {
            let length = at(view, 0).map(i32::from_ne_bytes)?;
            usize::try_from(length).ok()
        });
        let buffers = self.buffers.iter().map(|buffer| buffer.len());
        let held = buffers.fold(self.views.len(), usize::saturating_add);
        lengths.fold(0, usize::saturating_add).min(held)
    }

    #[inline]
    fn get(&self, row: usize) -> Option<&[u8]> {
        let (views, _) = self.views.as_chunks::<VIEW_BYTES>();
        let view = views.get(row)?;
        // Length; then the text, or its first four bytes, the number of its buffer, and where it begins there.
        let part = |index| at(view, index).map(i32::from_ne_bytes);
        let length = usize::try_from(part(0)?).ok()?;
        if length <= MOST_INLINE {
            return view.get(4..4 + length);
        }
        let buffer = self.buffers.get(usize::try_from(part(2)?).ok()?)?;
        let start = usize::try_from(part(3)?).ok()?;
        let text = buffer.get(start..start.checked_add(length)?)?;
        text.starts_with(&view[4..8]).then_some(text)
    }
}
