//! The library as these tests use it.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fmt;
use std::time::{Duration, Instant};

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::{Error, ErrorKind};
use koodrive::listing::{Devices, Scopes};
use koodrive::monitor::Monitor;
use koodrive::plan::Plan;
use koodrive::report::{Outcome, Report};

use crate::answers::LISTED;
use crate::identity;
use crate::peer::Peer;

pub const USER: &str = "user";
pub const DEVICE: &str = "device";
pub const TOKEN: &str = "token-Zq7";

/// How late a deadline may be kept: its 250 ms, and the rest for a busy machine.
pub const SLACK: Duration = Duration::from_millis(1_250);

/// A config for a peer: one attempt, one connection, and more time than is ever needed.
pub fn config(peer: &Peer) -> Config {
    config_for(&peer.url())
}

pub fn config_for(url: &str) -> Config {
    with_defaults(identity::trusting_config(), url)
}

pub fn with_defaults(mut config: Config, url: &str) -> Config {
    config.set_endpoint(url).expect("a URL");
    config.set_user_id(USER).expect("a user");
    config.set_access_token(TOKEN).expect("a token");
    config.set_max_attempts(1).expect("a number");
    config.set_max_connections(1).expect("a number");
    config.set_connect_timeout_ms(20_000).expect("a number");
    config.set_request_timeout_ms(20_000).expect("a number");
    config
}

/// The same with another number of attempts.
pub fn with_attempts(mut config: Config, attempts: u32) -> Config {
    config.set_max_attempts(attempts).expect("a number");
    config
}

pub fn client(config: &Config) -> Client {
    Client::new(config).expect("a client")
}

/// What a run came to.
pub struct Run {
    pub report: Report,
    pub outcomes: Vec<Outcome>,
    pub error: Option<Error>,
    pub elapsed: Duration,
}

impl fmt::Debug for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tally = BTreeMap::<_, usize>::new();
        for outcome in &self.outcomes {
            *tally.entry(format!("{outcome:?}")).or_default() += 1;
        }
        write!(
            formatter,
            "{tally:?} in {:?}: {:?}",
            self.elapsed, self.error
        )
    }
}

impl Run {
    pub fn kind(&self) -> Option<ErrorKind> {
        self.error.as_ref().map(|error| error.kind)
    }

    pub fn message(&self) -> &str {
        self.error.as_ref().map_or("", |error| &error.message)
    }

    /// That all ids ended alike, and the run for this reason.
    #[track_caller]
    pub fn expect(&self, outcome: Outcome, kind: impl Into<Option<ErrorKind>>) {
        self.expect_in("", outcome, kind);
    }

    /// The same, naming the case.
    #[track_caller]
    pub fn expect_in(&self, case: &str, outcome: Outcome, kind: impl Into<Option<ErrorKind>>) {
        let alike = self.outcomes.iter().all(|other| *other == outcome);
        assert!(alike, "{case}: not all {outcome:?}: {self:?}");
        assert_eq!(self.kind(), kind.into(), "{case}: {self:?}");
    }

    /// That it took `limit` and not much more.
    #[track_caller]
    pub fn expect_time(&self, limit: Duration) {
        assert!(self.elapsed >= limit, "too early: {self:?}");
        assert!(self.elapsed <= limit + SLACK, "too late: {self:?}");
    }
}

/// Deletes ids with a client of its own, which is gone on return.
pub fn delete(config: &Config, ids: &[&str]) -> Run {
    delete_with(&client(config), ids)
}

pub fn delete_with(client: &Client, ids: &[&str]) -> Run {
    delete_watched(client, ids, None)
}

pub fn delete_watched(client: &Client, ids: &[&str], monitor: Option<&Monitor>) -> Run {
    let mut plan = Plan::new();
    plan.add(None, DEVICE, ids.iter().copied()).expect("ids");
    delete_plan(client, &plan, monitor)
}

pub fn delete_plan(client: &Client, plan: &Plan, monitor: Option<&Monitor>) -> Run {
    let start = Instant::now();
    let (report, error) = client.delete_plan(plan, monitor).expect("a run");
    let elapsed = start.elapsed();
    let outcome = |position| report.outcome(position).expect("an outcome");
    let outcomes = (0..report.count()).map(outcome).collect();
    Run {
        report,
        outcomes,
        error,
        elapsed,
    }
}

/// One request of each kind: a deletion of the id 1, a list of devices, a list of the scopes of one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Delete,
    ListDevices,
    ListScopes,
}

impl Call {
    pub const ALL: [Self; 3] = [Self::Delete, Self::ListDevices, Self::ListScopes];
    pub const LISTS: [Self; 2] = [Self::ListDevices, Self::ListScopes];

    /// Makes it with a client of its own; that it fails, and what is then true of an id that it was to delete.
    #[track_caller]
    pub fn expect_failure(self, config: &Config, outcome: Outcome, kind: ErrorKind) -> Error {
        self.expect_failure_in("", &client(config), outcome, kind)
    }

    /// The same with a client that there is, naming the case.
    #[track_caller]
    pub fn expect_failure_in(
        self,
        case: &str,
        client: &Client,
        outcome: Outcome,
        kind: ErrorKind,
    ) -> Error {
        let case = format!("{self:?} {case}");
        match self {
            Self::Delete => {
                let run = delete_with(client, &["1"]);
                run.expect_in(&case, outcome, kind);
                run.error.expect("an error")
            }
            _ => {
                let error = self.list(client, None).expect_err(&case);
                assert_eq!(error.kind, kind, "{case}: {error}");
                error
            }
        }
    }

    /// That nothing is known: the connection was lost, or the answer makes no sense.
    #[track_caller]
    pub fn expect_no_success_in(self, case: &str, client: &Client) {
        let case = format!("{self:?} {case}");
        let error = match self {
            Self::Delete => {
                let run = delete_with(client, &["1"]);
                assert_eq!(run.outcomes, [Outcome::Unknown], "{case}: {run:?}");
                run.error.expect(&case)
            }
            _ => self.list(client, None).expect_err(&case),
        };
        let expected = [ErrorKind::Unreachable, ErrorKind::InvalidResponse];
        assert!(expected.contains(&error.kind), "{case}: {error}");
    }

    /// That it succeeds, and lists all.
    #[track_caller]
    pub fn expect_success_in(self, case: &str, client: &Client) {
        let case = format!("{self:?} {case}");
        match self {
            Self::Delete => delete_with(client, &["1"]).expect_in(&case, Outcome::Deleted, None),
            _ => {
                let ids = self.list(client, None);
                assert_eq!(ids.expect(&case), LISTED, "{case}");
            }
        }
    }

    /// The ids that a list holds.
    pub fn list(self, client: &Client, monitor: Option<&Monitor>) -> Result<Vec<String>, Error> {
        match self {
            Self::Delete => panic!("a deletion is no list"),
            Self::ListDevices => list_devices(client, monitor).map(|list| {
                let id = |index| text(list.device_id(index));
                (0..list.count()).map(id).collect()
            }),
            Self::ListScopes => list_scopes(client, monitor).map(|list| {
                let id = |index| text(list.scope_id(index));
                (0..list.count()).map(id).collect()
            }),
        }
    }
}

pub fn list_devices(client: &Client, monitor: Option<&Monitor>) -> Result<Devices, Error> {
    client.list_devices(None, monitor)
}

/// Of one module.
pub fn list_scopes(client: &Client, monitor: Option<&Monitor>) -> Result<Scopes, Error> {
    client.list_scopes(None, DEVICE, Some("101"), monitor)
}

/// A text of a list; empty if there is none.
pub fn text(text: Option<&CStr>) -> String {
    text.map_or(String::new(), |text| text.to_string_lossy().into_owned())
}
