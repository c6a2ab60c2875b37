//! What a client is built from. Every value is checked here, when it is set.

use std::env;
use std::ops::RangeInclusive;
use std::time::Duration;

use rustls::RootCertStore;
use zeroize::Zeroizing;

use crate::ca_file;
use crate::credentials::{Credentials, Secret};
use crate::endpoint::{Endpoint, Proxy};
use crate::error::Error;
use crate::rules::check_header_value;

/// A year: longer is no limit, and sums of it can't overflow.
const TIMEOUT_MS: RangeInclusive<u64> = 1..=31_536_000_000;
const ATTEMPTS: RangeInclusive<u64> = 1..=100;
const CONNECTIONS: RangeInclusive<u64> = 1..=1024;

/// Collects what a client needs. A setter that fails changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) user_id: Option<String>,
    pub(crate) credentials: Option<Credentials>,
    /// The certificates to trust instead of the platform's.
    pub(crate) roots: Option<RootCertStore>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) limits: Limits,
}

/// The numbers that bound a run.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) max_outage: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) max_connections: usize,
    /// 0: no limit.
    pub(crate) max_requests_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            run_timeout: None,
            max_outage: Duration::from_secs(60),
            max_attempts: 4,
            max_connections: 4,
            max_requests_per_second: 0,
        }
    }
}

impl Config {
    /// A config with the default limits and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// The service's address: scheme, host and, where needed, port.
    pub fn set_endpoint(&mut self, url: &str) -> Result<(), Error> {
        self.endpoint = Some(Endpoint::parse(url)?);
        Ok(())
    }

    /// The user that ids without one belong to.
    pub fn set_user_id(&mut self, user_id: &str) -> Result<(), Error> {
        check_header_value("user_id", user_id)?;
        self.user_id = Some(user_id.to_owned());
        Ok(())
    }

    /// Authorize by access token. Of the three authorizations the last one set counts.
    pub fn set_access_token(&mut self, token: &str) -> Result<(), Error> {
        self.credentials = Some(access_token(token)?);
        Ok(())
    }

    /// Authorize by this header value, sent as it is.
    pub fn set_authorization(&mut self, value: &str) -> Result<(), Error> {
        self.credentials = Some(authorization(value)?);
        Ok(())
    }

    /// Authorize by signing each request as an application.
    pub fn set_app_credentials(&mut self, id: &str, secret: &str) -> Result<(), Error> {
        check_authorization("app_id", id)?;
        if secret.is_empty() {
            return Err(Error::invalid("app_secret: must not be empty"));
        }
        self.credentials = Some(Credentials::App {
            id: id.to_owned(),
            secret: Secret::new(secret),
        });
        Ok(())
    }

    /// Trust the certificates in this PEM file instead of the platform's.
    pub fn set_ca_file(&mut self, path: &str) -> Result<(), Error> {
        self.roots = Some(ca_file::read(path)?);
        Ok(())
    }

    /// Reach the service through this HTTP proxy (CONNECT).
    pub fn set_proxy(&mut self, url: &str) -> Result<(), Error> {
        self.proxy = Some(Proxy::parse(url)?);
        Ok(())
    }

    /// How long name, TCP, proxy and TLS may take together.
    pub fn set_connect_timeout_ms(&mut self, ms: u64) -> Result<(), Error> {
        check_number("connect_timeout_ms", ms, TIMEOUT_MS)?;
        self.limits.connect_timeout = Duration::from_millis(ms);
        Ok(())
    }

    /// How long one request may take, from its first byte to the whole response.
    pub fn set_request_timeout_ms(&mut self, ms: u64) -> Result<(), Error> {
        check_number("request_timeout_ms", ms, TIMEOUT_MS)?;
        self.limits.request_timeout = Duration::from_millis(ms);
        Ok(())
    }

    /// After which time a run starts nothing new; 0: never.
    pub fn set_run_timeout_ms(&mut self, ms: u64) -> Result<(), Error> {
        check_number("run_timeout_ms", ms, 0..=*TIMEOUT_MS.end())?;
        self.limits.run_timeout = (ms > 0).then(|| Duration::from_millis(ms));
        Ok(())
    }

    /// How long a run waits for a service that is down; 0: not at all.
    pub fn set_max_outage_ms(&mut self, ms: u64) -> Result<(), Error> {
        check_number("max_outage_ms", ms, 0..=*TIMEOUT_MS.end())?;
        self.limits.max_outage = Duration::from_millis(ms);
        Ok(())
    }

    /// How often a request is tried in all.
    pub fn set_max_attempts(&mut self, attempts: u32) -> Result<(), Error> {
        check_number("max_attempts", attempts.into(), ATTEMPTS)?;
        self.limits.max_attempts = attempts;
        Ok(())
    }

    /// How many connections a run uses at most.
    pub fn set_max_connections(&mut self, connections: u32) -> Result<(), Error> {
        check_number("max_connections", connections.into(), CONNECTIONS)?;
        self.limits.max_connections = connections as usize;
        Ok(())
    }

    /// How many requests a client's runs send a second, together; 0: no limit.
    pub fn set_max_requests_per_second(&mut self, requests: u32) -> Result<(), Error> {
        self.limits.max_requests_per_second = requests;
        Ok(())
    }

    /// Takes what `KOODRIVE_...` variables of the environment say; the rest stays.
    pub fn load_env(&mut self) -> Result<(), Error> {
        let mut loaded = self.clone();
        loaded.load_env_authorization()?;
        set_text("ENDPOINT", |v| loaded.set_endpoint(v))?;
        set_text("USER_ID", |v| loaded.set_user_id(v))?;
        set_text("CA_FILE", |v| loaded.set_ca_file(v))?;
        set_text("PROXY", |v| loaded.set_proxy(v))?;
        set_number("CONNECT_TIMEOUT_MS", |v| loaded.set_connect_timeout_ms(v))?;
        set_number("REQUEST_TIMEOUT_MS", |v| loaded.set_request_timeout_ms(v))?;
        set_number("RUN_TIMEOUT_MS", |v| loaded.set_run_timeout_ms(v))?;
        set_number("MAX_OUTAGE_MS", |v| loaded.set_max_outage_ms(v))?;
        set_number("MAX_ATTEMPTS", |v| loaded.set_max_attempts(v))?;
        set_number("MAX_CONNECTIONS", |v| loaded.set_max_connections(v))?;
        set_number("MAX_REQUESTS_PER_SECOND", |v| {
            loaded.set_max_requests_per_second(v)
        })?;
        *self = loaded;
        Ok(())
    }

    fn load_env_authorization(&mut self) -> Result<(), Error> {
        let token = variable("ACCESS_TOKEN")?;
        let verbatim = variable("AUTHORIZATION")?;
        let app_id = variable("APP_ID")?;
        let app_secret = variable("APP_SECRET")?;
        match (token, verbatim, app_id, app_secret) {
            (None, None, None, None) => Ok(()),
            (Some(token), None, None, None) => {
                set_from("ACCESS_TOKEN", self.set_access_token(&token))
            }
            (None, Some(value), None, None) => {
                set_from("AUTHORIZATION", self.set_authorization(&value))
            }
            (None, None, Some(id), Some(secret)) => {
                set_from("APP_ID", self.set_app_credentials(&id, &secret))
            }
            (None, None, _, _) => Err(Error::invalid(
                "KOODRIVE_APP_ID, KOODRIVE_APP_SECRET: one is set without the other",
            )),
            _ => Err(Error::invalid(
                "the environment holds more than one authorization: set only one of \
                 KOODRIVE_ACCESS_TOKEN, KOODRIVE_AUTHORIZATION, or KOODRIVE_APP_ID with \
                 KOODRIVE_APP_SECRET",
            )),
        }
    }
}

/// Credentials from an access token.
pub(crate) fn access_token(token: &str) -> Result<Credentials, Error> {
    check_authorization("access_token", token)?;
    Ok(Credentials::Token(Secret::new(token)))
}

/// Credentials from a whole header value.
pub(crate) fn authorization(value: &str) -> Result<Credentials, Error> {
    check_authorization("authorization", value)?;
    Ok(Credentials::Verbatim(Secret::new(value)))
}

/// The rule for what goes into the `Authorization` header, which is ASCII (RFC 9110, 11.4).
fn check_authorization(argument: &str, value: &str) -> Result<(), Error> {
    check_header_value(argument, value)?;
    match value.is_ascii() {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "{argument}: must hold ASCII characters only"
        ))),
    }
}

fn check_number(argument: &str, value: u64, range: RangeInclusive<u64>) -> Result<(), Error> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(Error::invalid(format!(
        "{argument}: must be {least} to {most}, not {value}"
    )))
}

/// A variable's value. An empty one counts as not set.
fn variable(name: &str) -> Result<Option<Zeroizing<String>>, Error> {
    match env::var(format!("KOODRIVE_{name}")).map(Zeroizing::new) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Error::invalid(format!("KOODRIVE_{name}: is not UTF-8")))
        }
    }
}

fn set_text(name: &str, set: impl FnOnce(&str) -> Result<(), Error>) -> Result<(), Error> {
    match variable(name)? {
        Some(value) => set_from(name, set(&value)),
        None => Ok(()),
    }
}

fn set_number<N: std::str::FromStr>(
    name: &str,
    set: impl FnOnce(N) -> Result<(), Error>,
) -> Result<(), Error> {
    set_text(name, |value| {
        let number = value
            .parse()
            .map_err(|_| Error::invalid(format!("{value:?} is not a whole number in range")))?;
        set(number)
    })
}

/// Names the variable in a setter's error.
fn set_from(name: &str, result: Result<(), Error>) -> Result<(), Error> {
    result.map_err(|error| Error::invalid(format!("KOODRIVE_{name}: {}", error.message)))
}
