//! The service's texts are shown to people and written to logs: they must hold no secret, also
//! where the service echoes what we sent.

use std::borrow::Cow;

use crate::credentials::Credentials;

/// The longest text of the service that is kept.
const MAX_TEXT_CHARS: usize = 1_000;

/// Knows the secrets of one request.
pub(super) struct Scrubber<'a> {
    secrets: Vec<&'a str>,
}

impl<'a> Scrubber<'a> {
    /// `authorization` is the header's value, which in a signed request holds a signature that is
    /// good for 15 minutes.
    pub(super) fn new(credentials: &'a Credentials, authorization: &'a str) -> Self {
        let mut secrets = credentials.secrets();
        if let Credentials::App { .. } = credentials {
            secrets.extend(
                authorization
                    .rsplit_once('=')
                    .map(|(_, signature)| signature),
            );
        }
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
        if clean.len() > MAX_TEXT_CHARS
            && let Some((end, _)) = clean.char_indices().nth(MAX_TEXT_CHARS)
        {
            clean = format!("{}...", &clean[..end]).into();
        }
        clean
    }
}
