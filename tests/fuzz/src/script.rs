//! The bytes of a fuzz input as what a service does, request after request. The form is close to
//! HTTP, so that seeds can be read and mutations mean something:
//!
//! ```text
//! 429
//! Retry-After: 3
//!
//! {"code": 1}
//! ^^ a byte 0x1e ends an answer; here the next one begins
//! lost
//! ^^ the request arrives, its answer does not
//! unsent
//! ^^ the request does not arrive
//! ```

use http::{HeaderMap, HeaderName, HeaderValue};

const END_OF_ANSWER: u8 = 0x1e;

/// What the service does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    Answer(Answer),
    /// It may have been carried out, who knows.
    Lost,
    Unsent,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

pub fn read(script: &[u8]) -> Vec<Reply> {
    script
        .split(|byte| *byte == END_OF_ANSWER)
        .map_while(reply)
        .collect()
}

/// What ends a script, too: neither an answer nor one of the words.
fn reply(part: &[u8]) -> Option<Reply> {
    let (head, body) = split_once(part, b"\n\n");
    let (first, headers) = split_once(head, b"\n");
    match first.trim_ascii() {
        b"lost" => Some(Reply::Lost),
        b"unsent" => Some(Reply::Unsent),
        status => Some(Reply::Answer(Answer {
            status: http::StatusCode::from_bytes(status).ok()?.as_u16(),
            headers: read_headers(headers),
            body: body.to_vec(),
        })),
    }
}

fn read_headers(text: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let (name, value) = split_once(line, b":");
        let name = HeaderName::from_bytes(name);
        let value = HeaderValue::from_bytes(value.trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

fn split_once<'a>(text: &'a [u8], separator: &[u8]) -> (&'a [u8], &'a [u8]) {
    match text
        .windows(separator.len())
        .position(|part| part == separator)
    {
        Some(at) => (&text[..at], &text[at + separator.len()..]),
        None => (text, &[]),
    }
}
