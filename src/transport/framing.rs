//! Where a response ends, and how much of it there may be.

use std::borrow::Cow;

use ureq::http::{HeaderMap, header};

/// What a resting connection keeps of its body: more than an ordinary response takes.
const KEPT_BODY_BYTES: usize = 64 * 1024;

/// Refuses a response whose end two readers could see in two places (RFC 9112, 6.3), and one in an
/// encoding that was not asked for or longer than `max_bytes`. ureq-proto is milder.
pub(super) fn check(headers: &HeaderMap, max_bytes: usize) -> Result<(), Cow<'static, str>> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err("it has more than one Content-Length".into());
    }
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(encoding) = encodings.next() {
        if length.is_some() {
            return Err("it has both Content-Length and Transfer-Encoding".into());
        }
        if encodings.next().is_some() || !encoding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err("its Transfer-Encoding is not chunked".into());
        }
    }
    if let Some(length) = length {
        let length = length.to_str().ok().and_then(|text| text.parse().ok());
        if length.is_none_or(|length: usize| length > max_bytes) {
            let limit = mebibytes(max_bytes);
            return Err(format!("its Content-Length is not a number up to {limit}").into());
        }
    }
    let identity = |value: &header::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if !encodings.all(identity) {
        return Err("its Content-Encoding was not asked for".into());
    }
    Ok(())
}

fn mebibytes(bytes: usize) -> String {
    format!("{} MiB", bytes >> 20)
}

/// A response's body as it comes. What an earlier one left is overwritten, for clearing it each time
/// costs more than copying.
#[derive(Default)]
pub(super) struct Body {
    buffer: Vec<u8>,
    length: usize,
    max_bytes: usize,
}

impl Body {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// The next body begins, which may be so long.
    pub(super) fn begin(&mut self, max_bytes: usize) {
        self.length = 0;
        self.max_bytes = max_bytes;
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
    pub(super) fn grow(&mut self, written: usize) -> Result<(), String> {
        self.length += written;
        match self.length > self.max_bytes {
            true => {
                let limit = mebibytes(self.max_bytes);
                Err(format!("its body is longer than {limit}"))
            }
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
