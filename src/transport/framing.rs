//! Where a response ends, and how much of it there may be.

use ureq::http::{HeaderMap, header};

/// The longest response that is read. 100 ids with their messages take a few hundred KiB at most.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// What a resting connection keeps of its body: more than an ordinary response takes.
const KEPT_BODY_BYTES: usize = 64 * 1024;

/// Refuses a response whose end two readers could see in two places (RFC 9112, 6.3), and one in an
/// encoding that was not asked for. ureq-proto is milder.
pub(super) fn check(headers: &HeaderMap) -> Result<(), &'static str> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err("it has more than one Content-Length");
    }
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(encoding) = encodings.next() {
        if length.is_some() {
            return Err("it has both Content-Length and Transfer-Encoding");
        }
        if encodings.next().is_some() || !encoding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err("its Transfer-Encoding is not chunked");
        }
    }
    if let Some(length) = length {
        let length = length.to_str().ok().and_then(|text| text.parse().ok());
        if length.is_none_or(|length: usize| length > MAX_BODY_BYTES) {
            return Err("its Content-Length is not a number up to 4 MiB");
        }
    }
    let identity = |value: &header::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if !encodings.all(identity) {
        return Err("its Content-Encoding was not asked for");
    }
    Ok(())
}

/// A response's body as it comes. What an earlier one left is overwritten, for clearing it each time
/// costs more than copying.
#[derive(Default)]
pub(super) struct Body {
    buffer: Vec<u8>,
    length: usize,
}

impl Body {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// Where the next bytes go, at most `most` of them.
    pub(super) fn room(&mut self, most: usize) -> &mut [u8] {
        let end = self.length + most;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        &mut self.buffer[self.length..end]
    }

    /// Takes note of `written` bytes in the room.
    pub(super) fn grow(&mut self, written: usize) -> Result<(), &'static str> {
        self.length += written;
        match self.length > MAX_BODY_BYTES {
            true => Err("its body is longer than 4 MiB"),
            false => Ok(()),
        }
    }

    /// Gives back what a long response took.
    pub(super) fn shrink(&mut self) {
        if self.buffer.capacity() > KEPT_BODY_BYTES {
            *self = Self::default();
        }
    }
}
