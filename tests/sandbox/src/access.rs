//! Who may call: bearer tokens, signed requests, verbatim values, forbidden users.

use std::collections::{HashMap, HashSet};

use crate::options::{App, Options, Token};
use crate::signature::{Credentials, Signed};

/// Why a request was not let in.
pub(crate) enum Denied {
    /// Nobody that we know: 401.
    Unauthorized,
    /// Not for this user: 403.
    Forbidden,
}

pub(crate) struct Access {
    any_token: bool,
    /// The requests that each token is still good for.
    tokens: HashMap<String, u64>,
    apps: HashMap<String, String>,
    authorizations: HashSet<String>,
    forbidden_users: HashSet<String>,
}

impl Access {
    pub fn new(options: &Options) -> Self {
        let left = |token: &Token| (token.value.clone(), token.requests.unwrap_or(u64::MAX));
        let secret = |app: &App| (app.id.clone(), app.secret.clone());
        Self {
            any_token: options.tokens.is_empty(),
            tokens: options.tokens.iter().map(left).collect(),
            apps: options.apps.iter().map(secret).collect(),
            authorizations: options.authorizations.iter().cloned().collect(),
            forbidden_users: options.forbidden_users.clone(),
        }
    }

    /// Lets a request in or not. Takes one request off a token that has a limit.
    pub fn admit(&mut self, authorization: &str, signed: &Signed) -> Result<(), Denied> {
        let known = self.authorizations.contains(authorization)
            || match split_scheme(authorization) {
                (Some(Scheme::Bearer), token) => self.spend(token),
                (Some(Scheme::Hmac), parameters) => self.verify(parameters, signed),
                (None, _) => false,
            };
        if !known {
            Err(Denied::Unauthorized)
        } else if self.forbidden_users.contains(signed.user) {
            Err(Denied::Forbidden)
        } else {
            Ok(())
        }
    }

    fn spend(&mut self, token: &str) -> bool {
        if self.any_token {
            return !token.is_empty();
        }
        match self.tokens.get_mut(token) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    fn verify(&self, parameters: &str, signed: &Signed) -> bool {
        let Some(given) = Credentials::parse(parameters) else {
            return false;
        };
        let secret = self.apps.get(given.app_id);
        secret.is_some_and(|secret| signed.signature(secret) == given.signature)
    }
}

enum Scheme {
    Bearer,
    Hmac,
}

fn split_scheme(authorization: &str) -> (Option<Scheme>, &str) {
    let (name, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
    let scheme = if name.eq_ignore_ascii_case("Bearer") {
        Some(Scheme::Bearer)
    } else if name == "HMAC-SHA256" {
        Some(Scheme::Hmac)
    } else {
        None
    };
    (scheme, rest.trim())
}

/// The scheme of an `Authorization` value: all of it that may be kept.
pub(crate) fn scheme_name(authorization: &str) -> &'static str {
    match split_scheme(authorization).0 {
        Some(Scheme::Bearer) => "Bearer",
        Some(Scheme::Hmac) => "HMAC-SHA256",
        None => "other",
    }
}
