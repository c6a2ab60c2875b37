//! Reads the raw memory of what a producer hands over. The interface does not tell how large the buffers are: that
//! they hold as many elements as their array says, and texts as long as their offsets say, must be taken on trust.
//! All that can be checked is, here or in `column`.

use std::ffi::c_void;
use std::slice;

use super::abi::ArrowArray;
use super::column::{BAD_OFFSETS, Bits, Ids, Integers, Plain, Text, VIEW_BYTES, Values, Views};
use super::layout::{IdLayout, Integer, PlainLayout};

const NO_MEMORY: &str = "has no memory for what it says it holds";

/// Rows of an array, by where they stand in its buffers.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    offset: usize,
    length: usize,
}

impl Rows {
    pub(super) fn length(self) -> usize {
        self.length
    }

    /// All rows of an array.
    pub(super) fn all(array: &ArrowArray) -> Result<Self, String> {
        let number = |number: i64| usize::try_from(number).ok();
        let offset = number(array.offset).ok_or("has a negative offset")?;
        let length = number(array.length).ok_or("has a negative length")?;
        match array.offset.checked_add(array.length) {
            Some(end) if end < i64::MAX => Ok(Self { offset, length }),
            _ => Err(NO_MEMORY.to_owned()),
        }
    }

    /// The same rows of a table's column, which has an offset of its own.
    pub(super) fn of(self, column: &ArrowArray) -> Result<Self, String> {
        let all = Self::all(column)?;
        if self.offset + self.length > all.length {
            return Err("has fewer rows than its table".to_owned());
        }
        Ok(Self {
            offset: all.offset + self.offset,
            length: self.length,
        })
    }
}

/// Rows of a column of ids.
///
/// # Safety
/// The array is not released, and its producer filled it as the specification says for this layout.
pub(super) unsafe fn ids<'a>(
    layout: IdLayout,
    array: &'a ArrowArray,
    rows: Rows,
) -> Result<Ids<'a>, String> {
    let (validity, values) = match layout {
        IdLayout::Null => (None, Values::Null),
        // SAFETY: the caller's promise.
        IdLayout::Plain(layout) => unsafe {
            (
                validity(array, rows)?,
                Values::Plain(plain(layout, array, rows)?),
            )
        },
        // SAFETY: the caller's promise; a dictionary is NULL or lives as long as its array.
        IdLayout::Dictionary { indices, entries } => unsafe {
            let dictionary = array.dictionary.as_ref().ok_or("has no dictionary")?;
            let all = Rows::all(dictionary)?;
            let values = Values::Dictionary {
                indices: integers(indices, array, rows)?,
                entries: plain(entries, dictionary, all)?,
                validity: self::validity(dictionary, all)?,
            };
            (self::validity(array, rows)?, values)
        },
    };
    Ok(Ids { validity, values })
}

/// Rows of a column of yes and no.
///
/// # Safety
/// As for `ids`.
pub(super) unsafe fn flags<'a>(array: &'a ArrowArray, rows: Rows) -> Result<Bits<'a>, String> {
    // SAFETY: the caller's promise.
    unsafe { bits(&Buffers::of(array, 2)?, 1, rows) }
}

/// Which rows are not null; none: all.
///
/// # Safety
/// As for `ids`.
pub(super) unsafe fn validity<'a>(
    array: &'a ArrowArray,
    rows: Rows,
) -> Result<Option<Bits<'a>>, String> {
    // SAFETY: the caller's promise.
    let buffers = unsafe { Buffers::of(array, 1) }?;
    match buffers.0[0].is_null() {
        true if array.null_count > 0 => Err("has nulls and does not say where".to_owned()),
        true => Ok(None),
        // SAFETY: the caller's promise.
        false => unsafe { bits(&buffers, 0, rows) }.map(Some),
    }
}

/// # Safety
/// As for `ids`.
unsafe fn plain<'a>(
    layout: PlainLayout,
    array: &'a ArrowArray,
    rows: Rows,
) -> Result<Plain<'a>, String> {
    // SAFETY: the caller's promise.
    unsafe {
        Ok(match layout {
            PlainLayout::Integers(kind) => Plain::Integers(integers(kind, array, rows)?),
            PlainLayout::Text { offset_width } => Plain::Text(text(offset_width, array, rows)?),
            PlainLayout::View => Plain::Views(views(array, rows)?),
        })
    }
}

/// # Safety
/// As for `ids`.
unsafe fn integers<'a>(
    kind: Integer,
    array: &'a ArrowArray,
    rows: Rows,
) -> Result<Integers<'a>, String> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { Buffers::of(array, 2)?.read(1, rows.offset, rows.length, kind.width) }?;
    Ok(Integers { kind, bytes })
}

/// # Safety
/// As for `ids`.
unsafe fn text<'a>(
    offset_width: usize,
    array: &'a ArrowArray,
    rows: Rows,
) -> Result<Text<'a>, String> {
    // SAFETY: the caller's promise.
    let buffers = unsafe { Buffers::of(array, 3) }?;
    let mut text = Text {
        offset_width,
        offsets: &[],
        data: &[],
        checked: None,
    };
    // Without rows there need not be an offset.
    if rows.length > 0 {
        // SAFETY: the caller's promise.
        text.offsets = unsafe { buffers.read(1, rows.offset, rows.length + 1, offset_width) }?;
        let end = text.offset(rows.length).ok_or(BAD_OFFSETS)?;
        // SAFETY: the caller's promise; the data reaches to where the last text ends.
        text.data = unsafe { buffers.read(2, 0, end, 1) }?;
    }
    Ok(text)
}

/// # Safety
/// As for `ids`.
unsafe fn views<'a>(array: &'a ArrowArray, rows: Rows) -> Result<Views<'a>, String> {
    // SAFETY: the caller's promise. The last buffer holds the sizes of those between it and the views.
    unsafe {
        let buffers = Buffers::of(array, 3)?;
        let last = buffers.0.len() - 1;
        let sizes = buffers.read(last, 0, last - 2, size_of::<i64>())?;
        let (sizes, _) = sizes.as_chunks();
        let data = sizes.iter().zip(2..).map(|(size, index)| {
            let size = usize::try_from(i64::from_ne_bytes(*size)).map_err(|_| NO_MEMORY)?;
            buffers.read(index, 0, size, 1)
        });
        Ok(Views {
            views: buffers.read(1, rows.offset, rows.length, VIEW_BYTES)?,
            buffers: data.collect::<Result<_, _>>()?,
        })
    }
}

/// # Safety
/// As for `ids`.
unsafe fn bits<'a>(buffers: &Buffers<'a>, index: usize, rows: Rows) -> Result<Bits<'a>, String> {
    let offset = rows.offset % 8;
    let count = (offset + rows.length).div_ceil(8);
    // SAFETY: the caller's promise.
    let bytes = unsafe { buffers.read(index, rows.offset / 8, count, 1) }?;
    Ok(Bits { bytes, offset })
}

/// The buffers of an array, each NULL or filled.
struct Buffers<'a>(&'a [*const c_void]);

impl<'a> Buffers<'a> {
    /// All buffers of an array, of which it has to have so many at least.
    ///
    /// # Safety
    /// As for `ids`.
    unsafe fn of(array: &'a ArrowArray, least: usize) -> Result<Self, String> {
        let count = usize::try_from(array.n_buffers).unwrap_or(0);
        if count < least {
            return Err(format!("has {} buffers: too few", array.n_buffers));
        }
        // SAFETY: the caller's promise.
        unsafe { elements(array.buffers, count) }.map(Self)
    }

    /// Elements of so many bytes, from one on; NULL is fine for none.
    ///
    /// # Safety
    /// The buffer at the index holds them.
    unsafe fn read(
        &self,
        index: usize,
        first: usize,
        count: usize,
        width: usize,
    ) -> Result<&'a [u8], String> {
        let bytes = first
            .checked_add(count)
            .and_then(|end| end.checked_mul(width));
        let bytes = bytes.ok_or(NO_MEMORY)?;
        if count == 0 {
            return Ok(&[]);
        }
        // SAFETY: the caller's promise.
        let buffer = unsafe { elements(self.0[index].cast::<u8>(), bytes) }?;
        Ok(&buffer[first * width..])
    }
}

/// The children of a struct.
///
/// # Safety
/// `children` is NULL or points to `count` pointers, each NULL or to a `T`, which stay as they are for `'a`.
pub(super) unsafe fn children<'a, T>(
    children: *mut *mut T,
    count: i64,
) -> Result<Vec<&'a T>, String> {
    let count = usize::try_from(count).map_err(|_| NO_MEMORY)?;
    // SAFETY: the caller's promise.
    let children = unsafe { elements(children, count) }?;
    // SAFETY: the caller's promise.
    let child = |child: &*mut T| unsafe { child.as_ref() }.ok_or(NO_MEMORY);
    Ok(children.iter().map(child).collect::<Result<_, _>>()?)
}

/// # Safety
/// `array` is NULL or points to `count` elements that stay as they are for `'a`.
unsafe fn elements<'a, T>(array: *const T, count: usize) -> Result<&'a [T], String> {
    if count == 0 {
        return Ok(&[]);
    }
    if array.is_null() || !array.is_aligned() || count > isize::MAX as usize / size_of::<T>() {
        return Err(NO_MEMORY.to_owned());
    }
    // SAFETY: not NULL, aligned, of a possible size, and the caller's promise.
    Ok(unsafe { slice::from_raw_parts(array, count) })
}
