//! What a sandbox is started with. The program reads the same struct from a JSON file.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::faults::Rule;
use crate::id::Id;
use crate::limit::RateLimit;
use crate::scopes::ScopeSource;

/// How the sandbox behaves. The default is a service on a free port in which every scope exists, and
/// which accepts every bearer token.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// HTTPS with a certificate of the sandbox's own, see [`Sandbox::ca_pem`](crate::Sandbox::ca_pem).
    pub tls: bool,
    /// The scopes that exist at the start.
    pub scopes: ScopeSource,
    /// The bearer tokens that are accepted; when there are none, every token is.
    pub tokens: Vec<Token>,
    /// The applications whose signatures are accepted.
    pub apps: Vec<App>,
    /// `Authorization` values that are accepted exactly as they stand here.
    pub authorizations: Vec<String>,
    /// Users who are answered with 403.
    pub forbidden_users: HashSet<String>,
    /// Ids that make a whole request fail with 400 and code 13000102.
    pub poison_ids: HashSet<Id>,
    /// Ids that are refused one by one, and why.
    pub rejected_ids: HashMap<Id, Rejection>,
    /// How far the service's clock is ahead of the real one, in seconds.
    pub clock_skew_s: i64,
    /// What the `Date` header of every answer says.
    pub date: DateHeader,
    /// The status that refuses an `X-Date` outside its window.
    pub x_date_status: u16,
    /// How long every answer takes, in milliseconds. The request is executed before the wait.
    pub latency_ms: u64,
    /// How many requests pass; no limit when absent.
    pub rate_limit: Option<RateLimit>,
    /// Scopes that were deleted before: of each user, of each device.
    pub deleted: HashMap<String, HashMap<String, Vec<Id>>>,
    /// The faults to begin with, see [`Sandbox::set_faults`](crate::Sandbox::set_faults).
    pub faults: Vec<Rule>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            tls: false,
            scopes: ScopeSource::Everything,
            tokens: Vec::new(),
            apps: Vec::new(),
            authorizations: Vec::new(),
            forbidden_users: HashSet::new(),
            poison_ids: HashSet::new(),
            rejected_ids: HashMap::new(),
            clock_skew_s: 0,
            date: DateHeader::Clock,
            x_date_status: 401,
            latency_ms: 0,
            rate_limit: None,
            deleted: HashMap::new(),
            faults: Vec::new(),
        }
    }
}

/// A bearer token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What stands after `Bearer `.
    pub value: String,
    /// How many requests it is good for; no limit when absent.
    #[serde(default)]
    pub requests: Option<u64>,
}

/// An application that signs its requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// The AppId.
    pub id: String,
    /// The AppSecret.
    pub secret: String,
}

/// What the service says of an id that it refuses to delete.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// The `errorCode`.
    pub error_code: String,
    /// The `msg`.
    pub msg: String,
}

/// What the `Date` header of an answer says.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateHeader {
    /// The service's clock.
    Clock,
    /// The header is left out.
    Omitted,
    /// This text.
    Verbatim(String),
}
