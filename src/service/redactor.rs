//! The service's texts are shown to people and written to logs: they must hold no secret, also
//! where the service echoes what we sent.

use std::borrow::Cow;

use crate::credentials::{CredentialHistory, Credentials, Secret};

/// The longest text of the service that is kept.
const MAX_TEXT_CHARS: usize = 1_000;

/// What stands before a signature, which may be an earlier request's and still good.
const SIGNATURE: &str = "Signature=";

/// Knows the secrets of one request, and those of the client before it.
pub(crate) struct Redactor<'a> {
    /// The signature of a signed request, which is good for 15 minutes.
    signature: Option<&'a str>,
    secrets: &'a [Secret],
}

impl<'a> Redactor<'a> {
    /// `authorization` is the header's value.
    pub(super) fn new(credentials: &'a CredentialHistory, authorization: &'a str) -> Self {
        let signature = match credentials.current() {
            Credentials::App { .. } => authorization.rsplit_once('='),
            Credentials::Token(_) | Credentials::Verbatim(_) => None,
        };
        Self {
            signature: signature.map(|(_, signature)| signature),
            secrets: credentials.secrets(),
        }
    }

    /// The text without secrets and of bounded length.
    pub(super) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut redacted = self.hide(text);
        if redacted.len() > MAX_TEXT_CHARS
            && let Some((end, _)) = redacted.char_indices().nth(MAX_TEXT_CHARS)
        {
            redacted = format!("{}...", &redacted[..end]).into();
        }
        redacted
    }

    /// Hides secrets in a text, if there is one.
    pub(super) fn hide_in(&self, text: &mut Option<Cow<'_, str>>) {
        if let Some(text) = text
            && let Cow::Owned(redacted) = self.hide(text)
        {
            *text = redacted.into();
        }
    }

    /// The text without secrets.
    pub(super) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut redacted = Cow::Borrowed(text);
        if let Some(signature) = self.signature {
            hide(&mut redacted, signature);
        }
        for secret in self.secrets {
            hide(&mut redacted, secret.expose());
        }
        // Looked for in two steps, as nearly all texts end the first one fast.
        if memchr::memchr(b'=', redacted.as_bytes()).is_some() && redacted.contains(SIGNATURE) {
            redacted = without_signatures(&redacted).into();
        }
        redacted
    }
}

fn hide(text: &mut Cow<'_, str>, secret: &str) {
    if secret.len() <= text.len() && text.contains(secret) {
        *text = text.replace(secret, "***").into();
    }
}

fn without_signatures(text: &str) -> String {
    let mut parts = text.split(SIGNATURE);
    let mut redacted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|character: char| character.is_ascii_hexdigit());
        redacted.extend([SIGNATURE, "***", rest.strip_prefix("***").unwrap_or(rest)]);
    }
    redacted
}
