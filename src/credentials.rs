//! How a client proves who it is. Secrets are wiped when dropped and never shown.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A text that must not be seen.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a copy of the text.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// The three ways to fill the `Authorization` header.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An access token, sent as `Bearer <token>` (RFC 6750).
    Token(Secret),
    /// The whole header value, sent as it is.
    Verbatim(Secret),
    /// An application's id and secret: every request is signed.
    App {
        /// The public AppId.
        id: String,
        /// The AppSecret: the key of the signature, never sent.
        secret: Secret,
    },
}

/// What a client's requests carry, and carried before: the service may still echo that.
#[derive(Debug)]
pub(crate) struct CredentialHistory {
    current: Arc<Credentials>,
    /// Those in force are the last.
    all: Vec<Arc<Credentials>>,
    /// What must not be seen of all of them, the longest first: one may be the beginning of another,
    /// whose rest would stay.
    secrets: Vec<Secret>,
}

impl CredentialHistory {
    /// Older ones are forgotten: looking for them in each text of the service takes time.
    const MOST: usize = 100;

    pub(crate) fn new(first: Credentials) -> Self {
        Self::of(Vec::new(), Arc::new(first))
    }

    /// The same, with new credentials in force.
    pub(crate) fn followed_by(&self, next: Credentials) -> Self {
        let forgotten = self.all.len().saturating_sub(Self::MOST - 1);
        Self::of(self.all[forgotten..].to_vec(), Arc::new(next))
    }

    fn of(mut all: Vec<Arc<Credentials>>, current: Arc<Credentials>) -> Self {
        all.push(Arc::clone(&current));
        let secrets = all.iter().flat_map(|credentials| credentials.secrets());
        let mut secrets: Vec<_> = secrets.map(Secret::new).collect();
        secrets.sort_by_key(|secret| Reverse(secret.expose().len()));
        Self {
            current,
            all,
            secrets,
        }
    }

    pub(crate) fn current(&self) -> &Credentials {
        &self.current
    }

    pub(crate) fn secrets(&self) -> &[Secret] {
        &self.secrets
    }
}

impl Credentials {
    /// What no message may hold, whoever wrote it. None of it is empty.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Token(token) => vec![token.expose()],
            // Of `Bearer abc`, or the API reference's `Bearer+abc`, the service may echo only `abc`.
            Self::Verbatim(value) => {
                let value = value.expose();
                let is_bearer = |(scheme, token): &(&str, &str)| {
                    scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()
                };
                let parts = value
                    .split_once(' ')
                    .or_else(|| value.split_once('+').filter(is_bearer));
                let token = parts.map(|(_, token)| token.trim());
                [value].into_iter().chain(token).collect()
            }
            Self::App { secret, .. } => vec![secret.expose()],
        }
    }
}
