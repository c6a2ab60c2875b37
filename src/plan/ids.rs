//! Which ids are accepted. An id that some program damaged on its way here must not be sent: as
//! another id it could delete what nobody asked for.

use percent_encoding::percent_decode_str;

use crate::error::Error;

pub(crate) const MAX_SCOPE_ID_BYTES: usize = 128;
const MAX_DEVICE_ID_BYTES: usize = 512;

/// base64 of `UnSafeInteger`, which the API reference's own example carries behind ids that JavaScript had
/// rounded before.
const UNSAFE_INTEGER_TAIL: &str = "VW5TYWZlSW50ZWdlcg==";

/// How many complaints one message holds.
const MAX_NAMED: usize = 5;

/// The rule for device ids: they become one segment of the URL's path.
pub(crate) fn check_device_id(device: &str) -> Result<(), Error> {
    let broken = if device.is_empty() {
        "must not be empty"
    } else if changes_the_path(device) {
        "must not hold an empty, \".\" or \"..\" segment between \"/\" or \"\\\": a server that decodes the \
         path before it resolves it (RFC 3986, 5.2.4) would take it for another device"
    } else if device.len() > MAX_DEVICE_ID_BYTES {
        "must not be longer than 512 bytes"
    } else if device.chars().any(char::is_control) {
        "must not hold control characters"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("device_id: {broken}")))
}

/// Whether some server on the way may read another path than ours: one that decodes `%2F` before it
/// resolves dots and merges slashes, that decodes twice, or that drops a segment's parameters (`;`)
/// or blanks.
fn changes_the_path(device: &str) -> bool {
    segments(device).any(str::is_empty) || is_relative(device)
}

fn is_relative(path: &str) -> bool {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    if decoded != path {
        // Nothing but slashes names nothing else.
        let merges =
            segments(&decoded).any(str::is_empty) && !segments(&decoded).all(str::is_empty);
        if merges || is_relative(&decoded) {
            return true;
        }
    }
    segments(path).any(|segment| {
        let name = segment.split(';').next().unwrap_or_default();
        matches!(name.trim(), "." | "..")
    })
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split(['/', '\\'])
}

/// What is wrong with a list of ids.
#[derive(Default)]
pub(super) struct Complaints {
    named: Vec<String>,
    count: usize,
}

impl Complaints {
    pub(super) fn add(&mut self, complaint: impl FnOnce() -> String) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(complaint());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn into_error(self) -> Error {
        let mut message = self.named.join("; ");
        if self.count > self.named.len() {
            message += &format!("; and {} more", self.count - self.named.len());
        }
        Error::invalid(message)
    }
}

/// What is wrong with a scope id, if anything.
pub(crate) fn broken_rule(id: &str) -> Option<&'static str> {
    if id.is_empty() {
        return Some("is empty");
    }
    if id.len() > MAX_SCOPE_ID_BYTES {
        return Some("is longer than 128 bytes");
    }
    if is_all_digits(id) {
        None
    } else if id.bytes().all(|byte| byte.is_ascii_graphic()) {
        damage(id)
    } else if id.ends_with('\r') {
        Some("ends with a carriage return: the text has Windows line ends, convert it first")
    } else {
        Some("holds something else than visible ASCII characters")
    }
}

/// As nearly all ids are. Eight bytes are looked at in one go.
fn is_all_digits(id: &str) -> bool {
    let bytes = id.as_bytes();
    let Some(last) = bytes.last_chunk() else {
        return bytes.iter().all(u8::is_ascii_digit);
    };
    let (blocks, _) = bytes.as_chunks();
    blocks.iter().all(are_digits) && are_digits(last)
}

/// '0' to '9' are 0x30 to 0x39: the high half of each is 3, and still is when 6 is added.
fn are_digits(block: &[u8; 8]) -> bool {
    const HIGH_HALVES: u64 = u64::from_ne_bytes([0xF0; 8]);
    const THREES: u64 = u64::from_ne_bytes([0x30; 8]);
    const SIXES: u64 = u64::from_ne_bytes([0x06; 8]);
    let block = u64::from_ne_bytes(*block);
    block & HIGH_HALVES == THREES && (block + SIXES) & HIGH_HALVES == THREES
}

/// What probably happened to an id that is not just digits, if it looks damaged.
fn damage(id: &str) -> Option<&'static str> {
    if id.ends_with(UNSAFE_INTEGER_TAIL) {
        Some(
            "is damaged: it was read as a JavaScript number, which rounded it, and marked \
             UnSafeInteger in base64; take the id from its source again",
        )
    } else if is_decimal_number(id) {
        Some(
            "is damaged: a decimal point or an exponent shows that a spreadsheet or a floating \
             point number held it, which may have rounded it; take the id from its source again",
        )
    } else {
        None
    }
}

/// Whether the id reads as a number with a decimal point (or comma) or an exponent.
fn is_decimal_number(id: &str) -> bool {
    let unsigned = id.strip_prefix(['+', '-']).unwrap_or(id);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !power.is_empty() && digits(power)
    });
    let fraction_digits = fraction.unwrap_or("");
    (fraction.is_some() || exponent.is_some())
        && exponent_fits
        && digits(whole)
        && digits(fraction_digits)
        && whole.len() + fraction_digits.len() > 0
}

/// An id as a message may show it: quoted, escaped and of bounded length.
pub(crate) fn shown(id: &str) -> String {
    const MOST: usize = 64;
    match id.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}...", &id[..end]),
        None => format!("{id:?}"),
    }
}
