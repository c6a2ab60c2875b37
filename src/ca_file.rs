//! The file of certificates to trust, in PEM form (RFC 7468).

use std::fs::{self, File};
use std::io::{self, Read};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::Error;

/// All that a platform trusts takes a few hundred KiB.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// What some editors put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The certificates in the file; or, where it holds none, what it holds instead.
pub(crate) fn read(path: &str) -> Result<RootCertStore, Error> {
    let content = read_regular(path)
        .map_err(|error| Error::invalid(format!("ca_file: can't read {path:?}: {error}")))?;
    let pem = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&content);
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    let (usable, _) = roots.add_parsable_certificates(certificates);
    match usable {
        0 => Err(Error::invalid(format!(
            "ca_file: {path:?} holds no certificate in PEM form: {}",
            describe(pem)
        ))),
        _ => Ok(roots),
    }
}

/// Only of a regular file can it be said that reading it ends.
fn read_regular(path: &str) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut content = Vec::new();
    let read = File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut content)?;
    match read as u64 > MAX_FILE_BYTES {
        true => Err(io::Error::other("it is longer than 16 MiB")),
        false => Ok(content),
    }
}

/// What a file without a usable certificate is, as far as it can be told.
fn describe(content: &[u8]) -> String {
    let begins = |magic: &[u8]| content.starts_with(magic);
    if content.iter().all(u8::is_ascii_whitespace) {
        "it is empty".to_owned()
    } else if begins(b"\xff\xfe") || begins(b"\xfe\xff") {
        "it is a text in UTF-16; PEM is ASCII".to_owned()
    } else if begins(b"\x30") && !content.is_ascii() {
        "it is binary, in DER by the look of it (openssl x509 -inform DER converts a certificate)"
            .to_owned()
    } else if let Some(label) = first_label(content) {
        match label.as_str() {
            "CERTIFICATE" => "its CERTIFICATE is damaged or not one of X.509 version 3".to_owned(),
            _ => format!("it holds {label:?} where \"CERTIFICATE\" is needed"),
        }
    } else {
        "it has no line that begins with -----BEGIN".to_owned()
    }
}

/// What the first section of a PEM file says it is, such as "TRUSTED CERTIFICATE".
fn first_label(content: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(content);
    let is_label = |label: &&str| {
        label.len() <= 40
            && label
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_alphanumeric())
    };
    text.lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("-----BEGIN ")?
                .strip_suffix("-----")
        })
        .find(is_label)
        .map(str::to_owned)
}
