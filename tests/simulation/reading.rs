//! One reading call: what it may ask for and must return. It returns what the service had when it answered, all
//! of it, or an error.

use std::time::Duration;

use koodrive::error::{Error, ErrorKind};

use crate::facts::Resent;
use crate::faults::{Meaning, Next};
use crate::invariants::{Attempt, Delivery, Limits};
use crate::lists::{Entry, List, Query};
use crate::run::{DOUBT, THROTTLES};

pub struct Reading {
    /// In this order, one after the other.
    queries: Vec<Query>,
    /// What the service had when it answered each of the first of them.
    answers: Vec<List>,
    /// Whether the service has answered anything.
    was_answered: bool,
    /// It was refused in a way that asking again does not change.
    is_over: bool,
    /// Attempts of the current query that failed and count, and those that were refused for their rate.
    tries: u32,
    throttles: u32,
    /// How often the current query was sent.
    pub sends: u32,
    /// An attempt may have ended without a connection that lasted, or gone on with one of the pool.
    pub may_have_failed: bool,
    /// Since when nothing succeeds.
    trouble_since: Option<Duration>,
    /// Requests that were sent when the trouble lasted longer than a call waits.
    late: u32,
    /// The attempt of which a request was sent once more, and why.
    pub resent: Option<((usize, u32), Resent)>,
    /// Of the latest failure.
    pub last_cause: Option<ErrorKind>,
}

/// What a reading call came to.
pub enum Returned {
    List(Vec<Entry>),
    Error(Error),
    Panicked,
}

impl Reading {
    pub fn new(queries: Vec<Query>) -> Self {
        Self {
            queries,
            answers: Vec::new(),
            was_answered: false,
            is_over: false,
            tries: 0,
            throttles: 0,
            sends: 0,
            may_have_failed: false,
            trouble_since: None,
            late: 0,
            resent: None,
            last_cause: None,
        }
    }

    /// A request is about to leave: what is wrong with it, if anything.
    pub fn check(&mut self, attempt: &Attempt, limits: &Limits, now: Duration) -> Option<String> {
        let asked = attempt.query.as_ref();
        if asked.is_none() || asked != self.queries.get(self.answers.len()) {
            return Some(format!("asks for {asked:?}"));
        }
        if self.is_over {
            return Some("asks again after a refusal for good".into());
        }
        // A service that throttles may be down, which counts no attempts.
        let is_outage = self.throttles >= THROTTLES;
        if self.tries >= limits.attempts && !is_outage {
            return Some(format!("asks too often: {} attempts failed", self.tries));
        }
        let is_late = |since| now > since + limits.max_outage;
        self.late += u32::from(self.trouble_since.is_some_and(is_late));
        let chances = match limits.max_outage.is_zero() {
            true => limits.attempts + DOUBT + THROTTLES,
            false => limits.attempts,
        };
        (self.late > chances).then(|| "waits for longer than an outage may last".into())
    }

    /// An attempt failed before anything was sent.
    pub fn failed(&mut self, cause: Option<ErrorKind>, now: Duration) {
        self.tries += 1;
        self.trouble_since.get_or_insert(now);
        self.last_cause = cause.or(self.last_cause);
    }

    /// A request ended. `counts`: it is an attempt of its own.
    pub fn learn(&mut self, delivery: &Delivery, counts: bool, now: Duration) {
        self.last_cause = delivery.cause.or(self.last_cause);
        match &delivery.meaning {
            Meaning::Listed(list) => {
                self.answers.push(list.clone());
                self.was_answered = true;
                (self.tries, self.throttles, self.late, self.sends) = (0, 0, 0, 0);
                self.trouble_since = None;
            }
            Meaning::Refused { next, .. } if *next != Next::Again => {
                self.was_answered |= *next == Next::Halve;
                self.is_over |= counts;
            }
            Meaning::Ambiguous { again: false } => self.is_over |= counts,
            _ if !counts => {}
            _ => {
                self.trouble_since.get_or_insert(now);
                match delivery.status {
                    Some(429) => self.throttles += 1,
                    Some(503) if self.was_answered => self.throttles += 1,
                    _ => self.tries += 1,
                }
            }
        }
    }

    /// What is wrong with a list, if anything.
    pub fn check_list(&self, entries: &[Entry]) -> Option<String> {
        if self.answers.len() < self.queries.len() {
            let missing = &self.queries[self.answers.len()];
            return Some(format!("a list, and no answer to {missing:?}"));
        }
        let meant: Vec<_> = self.answers.iter().flat_map(|list| &list.entries).collect();
        if entries.len() != meant.len() {
            let count = entries.len();
            return Some(format!("{count} are listed of {}", meant.len()));
        }
        let differs = |(listed, meant): &(&Entry, &&Entry)| {
            // The service may have told what it should keep to itself.
            let is_echo = listed.detail.contains("Authorization:");
            listed.id != meant.id
                || listed.module != meant.module
                || !is_echo && listed.detail != meant.detail
        };
        let found = entries.iter().zip(&meant).find(differs);
        found.map(|(listed, meant)| format!("{listed:?} is listed, not {meant:?}"))
    }

    /// Whether a call that nothing ended gave up before it had its attempts.
    pub fn check_given_up(&self, attempts: u32) -> Option<String> {
        let is_early = !self.is_over && !self.may_have_failed && self.tries < attempts;
        is_early.then(|| format!("gave up after {} attempts", self.tries))
    }
}

impl Returned {
    /// All that is shown to somebody, but for ids.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::List(entries) => entries.iter().map(|entry| entry.detail.clone()).collect(),
            Self::Error(error) => vec![format!("{error:?}")],
            Self::Panicked => Vec::new(),
        }
    }
}
