//! The signature of App-ID authorization, computed from what was received.

use ring::{digest, hmac};

const SIGNED_HEADERS: &str = "host;x-date;x-user-id";

/// The parts of a request that its signature covers, as they were received.
pub(crate) struct Signed<'a> {
    pub method: &'a str,
    /// Still percent-encoded.
    pub path: &'a str,
    pub query: &'a str,
    pub host: &'a str,
    pub x_date: &'a str,
    pub user: &'a str,
    pub body: &'a [u8],
}

/// What an `Authorization` header of this kind says.
pub(crate) struct Credentials<'a> {
    pub app_id: &'a str,
    pub signature: &'a str,
}

impl<'a> Credentials<'a> {
    /// Reads what stands after the scheme `HMAC-SHA256`.
    pub fn parse(parameters: &'a str) -> Option<Self> {
        let mut parts = parameters.split(',').map(str::trim);
        let app_id = parts.next()?.strip_prefix("AppId=")?;
        let headers = parts.next()?.strip_prefix("SignedHeaders=")?;
        let signature = parts.next()?.strip_prefix("Signature=")?;
        let complete = parts.next().is_none() && headers == SIGNED_HEADERS;
        complete.then_some(Self { app_id, signature })
    }
}

impl Signed<'_> {
    /// The signature that the holder of `secret` gives this request.
    pub fn signature(&self, secret: &str) -> String {
        let hashed = sha256(self.canonical_request().as_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let to_sign = format!("HMAC-SHA256\n{hashed}");
        hex(hmac::sign(&key, to_sign.as_bytes()).as_ref())
    }

    fn canonical_request(&self) -> String {
        let Self {
            method,
            path,
            host,
            x_date,
            user,
            ..
        } = self;
        let slash = if path.ends_with('/') { "" } else { "/" };
        let query = canonical_query(self.query);
        let body = sha256(self.body);
        format!(
            "{method}\n{path}{slash}\n{query}\n\
             host:{host}\nx-date:{x_date}\nx-user-id:{user}\n\n{SIGNED_HEADERS}\n{body}"
        )
    }
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
