//! What is true of one id in one run and those that it takes up, and what its outcome must therefore be.

use std::time::Duration;

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::faults::{Meaning, Next};
use crate::invariants::Delivery;
use crate::service::{Scope, Told};

/// What is true of one id in one run, and what the client knows of the runs before.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The service got a whole request with it.
    pub arrived: bool,
    /// A request with it may have been carried out.
    pub possibly_executed: bool,
    pub told: Option<Told>,
    /// It was refused, on its own or with its request.
    pub refused: bool,
    /// What was said last was a refusal of a parameter in its request.
    pub spoiled: bool,
    /// It must not be sent again in this run.
    pub settled: bool,
    /// Nor would another run be told anything else.
    pub permanent: bool,
    /// Tries that failed: those that may count, since an outage may have been over, and those that
    /// surely do not.
    pub tries: u32,
    pub throttles: u32,
    /// How often it was sent, since its request was split.
    pub sends: u32,
    /// All that were no refusals for the rate, those of outages included.
    pub all_tries: u32,
    pub last_failure: Option<Duration>,
    /// The attempt of which a request was sent once more, and why: by its worker and how many
    /// connects of it had failed.
    pub resent: Option<((usize, u32), Resent)>,
    pub cause: Option<ErrorKind>,
    pub batch: Option<usize>,
}

/// Why a request was sent once more at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resent {
    pub corrected: bool,
    pub renewed: bool,
}

impl Facts {
    /// `counts`: it is an attempt of its own; `splits`: if its request is refused for its parameters, it is tried in two halves; `alone`:
    /// it was the only one in its request.
    pub fn learn(
        &mut self,
        index: usize,
        delivery: &Delivery,
        counts: bool,
        splits: bool,
        alone: bool,
        now: Duration,
    ) {
        self.spoiled = false;
        if splits {
            self.sends = 0;
        }
        if delivery.cause.is_some() {
            self.cause = delivery.cause;
        }
        match &delivery.meaning {
            Meaning::NotHanded => self.fail(counts, delivery, now),
            Meaning::Ambiguous { again } => {
                self.possibly_executed = true;
                self.fail(counts && *again, delivery, now);
                self.settled |= counts && !again;
            }
            Meaning::Refused { next, .. } => {
                self.refused = true;
                self.spoiled = *next == Next::Halve;
                match next {
                    _ if !counts => {}
                    Next::Again => self.fail(true, delivery, now),
                    Next::Halve => {
                        self.settled |= !splits;
                        // Among others it may be innocent.
                        self.permanent |= !splits && alone;
                    }
                    Next::Leave | Next::Stop => self.settled = true,
                }
            }
            Meaning::Listed(_) => {}
            Meaning::Named(told) => match told[index] {
                Told::Unclear => {
                    self.possibly_executed = true;
                    self.fail(true, delivery, now);
                }
                told => {
                    self.permanent = told != Told::Duplicate;
                    self.refused |= matches!(told, Told::Locked | Told::Duplicate);
                    self.told = Some(told);
                    self.settled = true;
                }
            },
        }
    }

    fn fail(&mut self, counts: bool, delivery: &Delivery, now: Duration) {
        if !counts {
            return;
        }
        // A 503 is one only once the run has had a success.
        if matches!(delivery.status, Some(429 | 503)) {
            self.throttles += 1;
        }
        if delivery.status != Some(429) {
            self.tries += 1;
            self.all_tries += 1;
            self.last_failure = Some(now);
        }
    }

    /// What fails in an outage is not its own failure.
    pub fn forgive(&mut self) {
        self.tries = 0;
        self.throttles = 0;
        self.last_failure = None;
    }

    /// What its last request failed from, unless its batch was split then, or it was to be sent once
    /// more at once: then it is what stopped the run before that.
    pub fn settled_cause(&self) -> Option<ErrorKind> {
        let ended = !self.spoiled && self.resent.is_none();
        self.cause.filter(|_| ended)
    }

    /// What is wrong with an outcome, if anything; `runs` are those that asked for it, this one last.
    pub fn check(&self, outcome: Outcome, scope: &Scope, runs: &[usize]) -> Option<&'static str> {
        let deleted_by = scope.deleted_by.filter(|_| !scope.exists);
        let this_run_deleted = deleted_by.is_some() && deleted_by == runs.last().copied();
        let one_of_us_deleted = deleted_by.is_some_and(|run| runs.contains(&run));
        match (outcome, self.told) {
            (Outcome::Deleted, _) if !this_run_deleted => Some("this run did not delete it"),
            (Outcome::Deleted, told) if told != Some(Told::Deleted) => Some("nobody said so"),
            (Outcome::Deleted, _) => None,
            (_, Some(Told::Deleted)) => Some("the service said that it is deleted"),
            (Outcome::NotFound | Outcome::NotSent | Outcome::Rejected, _) if one_of_us_deleted => {
                Some("we deleted it")
            }
            (Outcome::NotFound, _) if self.possibly_executed => {
                Some("an earlier try may have deleted it")
            }
            (Outcome::Gone, _) if !self.possibly_executed => {
                Some("no earlier try can have deleted it")
            }
            (Outcome::NotFound | Outcome::Gone, told) if told != Some(Told::Absent) => {
                Some("nobody said so")
            }
            (Outcome::NotFound | Outcome::Gone, _) if scope.exists => Some("it exists"),
            (Outcome::NotFound | Outcome::Gone, _) => None,
            (_, Some(Told::Absent)) => Some("the service said that it does not exist"),
            (Outcome::Duplicate, _) => Some("it stands once in the plan"),
            (Outcome::NotSent, _) if self.arrived => Some("the service got it"),
            (Outcome::NotSent, _) if self.possibly_executed => Some("the service may have got it"),
            (Outcome::Rejected, _) if self.possibly_executed => Some("it may have been deleted"),
            (Outcome::Rejected, Some(Told::Locked | Told::Duplicate)) => None,
            (Outcome::Rejected, _) if !self.refused => Some("nobody refused it"),
            (Outcome::Unknown, _) if !self.possibly_executed => Some("nothing was ambiguous"),
            _ => None,
        }
    }
}
