//! The library as these tests use it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::{Error, ErrorKind};
use koodrive::monitor::Monitor;
use koodrive::plan::Plan;
use koodrive::report::{Outcome, Report};

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
