//! Which kinds of columns are understood, by the specification's format strings.

/// How the ids of a column lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdLayout {
    /// A column of nulls has no memory.
    Null,
    Plain(PlainLayout),
    /// Numbers of entries of another column.
    Dictionary {
        indices: Integer,
        entries: PlainLayout,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlainLayout {
    Integers(Integer),
    /// Texts one behind the other, and offsets of so many bytes where each begins.
    Text {
        offset_width: usize,
    },
    /// 16 bytes a text, which hold it or say where it is.
    View,
}

/// A kind of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer {
    /// In bytes.
    pub(super) width: usize,
    pub(super) is_signed: bool,
}

impl IdLayout {
    /// The layout of a column of ids, by its format and that of its dictionary's entries.
    pub(super) fn new(format: &[u8], entries: Option<&[u8]>) -> Result<Self, String> {
        match entries {
            None if format == b"n" => Ok(Self::Null),
            None => PlainLayout::new(format).map(Self::Plain),
            Some(entries) => Ok(Self::Dictionary {
                indices: Integer::new(format).ok_or_else(|| refusal(format))?,
                entries: PlainLayout::new(entries)?,
            }),
        }
    }
}

impl PlainLayout {
    fn new(format: &[u8]) -> Result<Self, String> {
        match format {
            b"u" => Ok(Self::Text { offset_width: 4 }),
            b"U" => Ok(Self::Text { offset_width: 8 }),
            b"vu" => Ok(Self::View),
            _ => match Integer::new(format) {
                Some(integer) => Ok(Self::Integers(integer)),
                None => Err(refusal(format)),
            },
        }
    }
}

impl Integer {
    fn new(format: &[u8]) -> Option<Self> {
        let [letter] = format else {
            return None;
        };
        let width = match letter.to_ascii_lowercase() {
            b'c' => 1,
            b's' => 2,
            b'i' => 4,
            b'l' => 8,
            _ => return None,
        };
        Some(Self {
            width,
            is_signed: letter.is_ascii_lowercase(),
        })
    }
}

/// Whether a column of yes and no is understood.
pub(super) fn check_flags(format: &[u8], has_dictionary: bool) -> Result<(), String> {
    match format == b"b" && !has_dictionary {
        true => Ok(()),
        false => Err(format!(
            "must be boolean, its Arrow format is {}",
            shown(format)
        )),
    }
}

/// Why a column of this format can't be one of ids.
fn refusal(format: &[u8]) -> String {
    let kind = match format {
        b"e" | b"f" | b"g" => "floating point numbers, which round long ids",
        b"b" => "booleans",
        [b'd', ..] => "decimals",
        [b't', ..] => "times",
        [b'+', ..] => "nested values",
        b"z" | b"Z" | b"vz" | [b'w', ..] => "bytes",
        _ => "no ids",
    };
    format!(
        "must hold texts or integers; its Arrow format {} holds {kind}",
        shown(format)
    )
}

fn shown(format: &[u8]) -> String {
    const MOST: usize = 16;
    let start = &format[..format.len().min(MOST)];
    format!("\"{}\"", start.escape_ascii())
}
