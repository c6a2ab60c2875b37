//! The App-ID signature: HMAC-SHA256 over a canonical form of the request, good for 15 minutes.

use ring::{digest, hmac};

use crate::credentials::Secret;

const SIGNED_HEADERS: &str = "host;x-date;x-user-id";

/// The parts of a request that are signed.
#[derive(Clone, Copy, Debug)]
pub struct SigningInput<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path as it is sent.
    pub path: &'a str,
    /// The query, sorted, without its `?`; empty when there is none.
    pub query: &'a str,
    /// The `Host` header.
    pub host: &'a str,
    /// The `X-Date` header.
    pub date: &'a str,
    /// The `X-User-Id` header.
    pub user: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl SigningInput<'_> {
    /// The canonical request. Its path ends in "/", whatever the request line says, and the header
    /// lines end in a line end of their own, hence the empty line.
    pub fn canonical_request(&self) -> String {
        let slash = if self.path.ends_with('/') { "" } else { "/" };
        format!(
            "{}\n{}{slash}\n{}\nhost:{}\nx-date:{}\nx-user-id:{}\n\n{SIGNED_HEADERS}\n{}",
            self.method,
            self.path,
            self.query,
            self.host.trim(),
            self.date.trim(),
            self.user.trim(),
            hex(sha256(self.body).as_ref()),
        )
    }

    /// What is signed.
    pub fn string_to_sign(&self) -> String {
        let request = sha256(self.canonical_request().as_bytes());
        format!("HMAC-SHA256\n{}", hex(request.as_ref()))
    }

    /// The `Authorization` header's value.
    pub fn authorization(&self, app_id: &str, secret: &Secret) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let signature = hmac::sign(&key, self.string_to_sign().as_bytes());
        format!(
            "HMAC-SHA256 AppId={app_id},SignedHeaders={SIGNED_HEADERS},Signature={}",
            hex(signature.as_ref())
        )
    }
}

fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}
