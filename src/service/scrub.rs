//! The service's texts are shown to people and written to logs: they must hold no secret, also
//! where the service echoes what we sent.

use std::borrow::Cow;
use std::cmp::Reverse;

use crate::credentials::{CredentialHistory, Credentials};

/// The longest text of the service that is kept.
const MAX_TEXT_CHARS: usize = 1_000;

/// What stands before a signature, which may be an earlier request's and still good.
const SIGNATURE: &str = "Signature=";

/// Knows the secrets of one request, and those of the client before it.
pub(super) struct Scrubber<'a> {
    secrets: Vec<&'a str>,
}

impl<'a> Scrubber<'a> {
    /// `authorization` is the header's value, which in a signed request holds a signature that is
    /// good for 15 minutes.
    pub(super) fn new(credentials: &'a CredentialHistory, authorization: &'a str) -> Self {
        let mut secrets: Vec<_> = credentials.secrets().collect();
        if let Credentials::App { .. } = credentials.current() {
            secrets.extend(
                authorization
                    .rsplit_once('=')
                    .map(|(_, signature)| signature),
            );
        }
        // One may be the beginning of another, whose rest would stay.
        secrets.sort_by_key(|secret| Reverse(secret.len()));
        Self { secrets }
    }

    /// The text without secrets and of bounded length.
    pub(super) fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        for secret in &self.secrets {
            if clean.contains(*secret) {
                clean = clean.replace(*secret, "***").into();
            }
        }
        if clean.contains(SIGNATURE) {
            clean = without_signatures(&clean).into();
        }
        if clean.len() > MAX_TEXT_CHARS
            && let Some((end, _)) = clean.char_indices().nth(MAX_TEXT_CHARS)
        {
            clean = format!("{}...", &clean[..end]).into();
        }
        clean
    }
}

fn without_signatures(text: &str) -> String {
    let mut parts = text.split(SIGNATURE);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|character: char| character.is_ascii_hexdigit());
        clean.extend([SIGNATURE, "***", rest.strip_prefix("***").unwrap_or(rest)]);
    }
    clean
}
