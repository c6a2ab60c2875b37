//! The service's texts are shown to people and written to logs: they must hold no secret, also
//! where the service echoes what we sent.

use std::borrow::Cow;

use crate::credentials::Credentials;

/// The longest text of the service that is kept.
const MAX_TEXT_CHARS: usize = 1_000;

/// Knows the secrets of one request.
pub(super) struct Scrubber<'a> {
    credentials: &'a Credentials,
    /// Of a signed request, which is good for 15 minutes.
    signature: Option<&'a str>,
}

impl<'a> Scrubber<'a> {
    pub(super) fn new(credentials: &'a Credentials, authorization: &'a str) -> Self {
        let signature = match credentials {
            Credentials::App { .. } => authorization.rsplit_once('=').map(|(_, text)| text),
            _ => None,
        };
        Self {
            credentials,
            signature,
        }
    }

    /// The text without secrets and of bounded length.
    pub(super) fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        let secrets = self.credentials.secrets().chain(self.signature);
        for secret in secrets.filter(|secret| !secret.is_empty()) {
            if clean.contains(secret) {
                clean = clean.replace(secret, "***").into();
            }
        }
        if let Some((end, _)) = clean.char_indices().nth(MAX_TEXT_CHARS) {
            clean = format!("{}...", &clean[..end]).into();
        }
        clean
    }
}
