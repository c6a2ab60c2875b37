//! One run: what it may do and must report.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use koodrive::error::{Error, ErrorKind};
use koodrive::failure::FailureKind;
use koodrive::monitor::Monitor;
use koodrive::report::{Outcome, Report};

use crate::disk::Disk;
use crate::facts::{Facts, Resent};
use crate::faults::{Meaning, Next};
use crate::invariants::{Attempt, Delivery, Limits, SECRET_MARK};
use crate::reading::{Reading, Returned};
use crate::service::{Service, Told};
use crate::telling::{Circumstances, Keeping, Telling};

/// In doubt one request at a time is tried; if it is throttled so often, or fails so often as a request may,
/// the service is down.
pub const DOUBT: u32 = 4;
pub const THROTTLES: u32 = 8;
/// Probes whose pauses are shorter than the longest, which is five seconds.
const EARLY_PROBES: u32 = 8;
const PROBE_SECONDS: u64 = 5;
/// How long a journal may take to open.
const LONGEST_OPENING: Duration = Duration::from_millis(5);
const REFUSALS_IN_ROW: u32 = 20;
/// So many requests may be spent on finding what spoils a batch.
const MOST_EXTRA_REQUESTS: u32 = 30;

/// So many connections in a row are opened for an attempt.
pub const MOST_CONNECTS: u32 = 3;

/// One run, and what is true of its ids; or a reading call, which goes out as a run does and has no ids.
#[derive(Default)]
pub struct Run {
    /// This run's number, after those that it takes up.
    pub lineage: Vec<usize>,
    pub monitor: Monitor,
    /// What the monitor has to tell.
    pub telling: Telling,
    /// What a reading call asks for.
    pub reading: Option<Reading>,
    /// Of a journaled run.
    pub journal: Option<Disk>,
    /// What earlier runs of the journal settled.
    pub finished: HashSet<usize>,
    /// Its process is killed.
    pub is_dead: bool,
    pub cancelled: Option<Duration>,
    /// The scope at each position, and the position that it repeats.
    positions: Vec<(usize, Option<usize>)>,
    pub facts: HashMap<usize, Facts>,
    pub limits: Limits,
    pub began: Duration,
    pub ended: Option<Duration>,
    /// When a refused authorization or a panic stopped it.
    stopped: Option<Duration>,
    unauthorized: bool,
    panicked: bool,
    may_have_panicked: bool,
    /// For longer than a run waits.
    was_asked_to_wait: bool,
    pub may_have_been_asked_to_wait: bool,
    /// The caller's cancel kept it from something.
    was_interrupted: bool,
    workers: usize,
    busy: usize,
    requests: usize,
    /// Answers that showed the clock to be wrong.
    corrections: usize,
    failed_tries: u32,
    /// Since the service answered last.
    failures_in_row: u32,
    /// Of those how many since a request was refused for good, which ends it.
    failures_of_requests: u32,
    last_answer: Duration,
    has_answered: bool,
    /// The service may have been down for longer than the run waits.
    may_have_given_up: bool,
    failed_connects: u32,
    /// Failures to connect that need not count: another worker may have gone on with the batch.
    uncounted_connects: u32,
    connects: HashMap<usize, Connects>,
    refusals_in_row: u32,
    most_refusals_in_row: u32,
    causes: Vec<ErrorKind>,
    /// Whose request was on its way out at the moment of the cancel.
    sent_after_cancel: HashSet<usize>,
    last_end: Duration,
    /// When it last did something.
    pub last_event: Duration,
    done_before: usize,
    /// For each batch, how many requests it cost beyond its attempts.
    extra_requests: Vec<u32>,
    pub violations: Vec<String>,
}

/// What a run is to do.
#[derive(Clone, Default)]
pub struct Errand {
    /// The scope at each position.
    pub scopes: Vec<usize>,
    /// Those that the client knows an earlier run may have deleted.
    pub tried: HashSet<usize>,
    /// The run whose rest it is, or whose report was lost.
    pub takes_up: Option<usize>,
}

/// A worker's connects.
#[derive(Default)]
struct Connects {
    /// How many attempts ended without a connection.
    failed: u32,
    /// Since the last request or failure.
    in_a_row: u32,
    /// The connection that was opened last.
    last: u64,
}

impl Run {
    /// A run begins.
    pub fn new(
        errand: &Errand,
        lineage: Vec<usize>,
        limits: &Limits,
        keeping: Keeping,
        now: Duration,
    ) -> Self {
        let scopes = &errand.scopes;
        let mut first = HashMap::new();
        let mut position_of = |(position, scope): (usize, &usize)| {
            let original = *first.entry(*scope).or_insert(position);
            (*scope, (original != position).then_some(original))
        };
        let positions = scopes.iter().enumerate().map(&mut position_of).collect();
        let facts = |scope: &usize| {
            let possibly_executed = errand.tried.contains(scope);
            let facts = Facts {
                possibly_executed,
                ..Facts::default()
            };
            (*scope, facts)
        };
        let monitor = Monitor::default();
        Self {
            lineage,
            telling: Telling::new(keeping, &monitor),
            monitor,
            positions,
            facts: first.keys().map(facts).collect(),
            limits: limits.clone(),
            began: now,
            last_answer: now,
            last_end: now,
            last_event: now,
            ..Self::default()
        }
    }

    pub fn workers(&mut self, count: usize) {
        self.workers = count;
        if count > self.limits.connections {
            self.violations.push(format!("{count} workers"));
        }
    }

    pub fn connecting(&mut self, task: usize, now: Duration, deadline: Duration) {
        self.give_up_connecting(task);
        self.check_start(now, "connects");
        let most = now + self.limits.connect_timeout;
        let most = self.deadline().map_or(most, |run| run.min(most));
        // A journaled run begins when its journal is open.
        if deadline != most && self.journal.is_none() {
            self.violations
                .push(format!("connects until {deadline:?}, not {most:?}"));
        }
    }

    /// An attempt to connect failed.
    pub fn not_connected(
        &mut self,
        task: usize,
        cause: Option<ErrorKind>,
        kind: FailureKind,
        now: Duration,
    ) {
        match kind {
            FailureKind::NoResources => self.uncounted_connects += 1,
            _ => self.failed_connects += 1,
        }
        let connects = self.connects.entry(task).or_default();
        connects.failed += 1;
        connects.in_a_row = 0;
        self.count_failure(now);
        self.causes.extend(cause);
        self.was_interrupted |= kind == FailureKind::Cancelled && self.cancelled.is_some();
        if let Some(reading) = &mut self.reading {
            reading.failed(cause, now);
        }
    }

    /// A worker opened this connection.
    pub fn connected(&mut self, task: usize, connection: u64) {
        let connects = self.connects.entry(task).or_default();
        connects.in_a_row += 1;
        connects.last = connection;
        if connects.in_a_row == MOST_CONNECTS {
            // Perhaps to no avail.
            self.uncounted_connects += 1;
            self.failures_in_row += 1;
            self.causes.push(ErrorKind::Unreachable);
            if let Some(reading) = &mut self.reading {
                reading.may_have_failed = true;
            }
        }
    }

    /// A worker is about to send on this connection.
    pub fn uses(&mut self, task: usize, connection: u64) {
        let connects = self.connects.entry(task).or_default();
        if connects.last != connection {
            self.give_up_connecting(task);
        }
        self.connects.entry(task).or_default().in_a_row = 0;
    }

    /// If so many connections in a row were of no use, the attempt has failed.
    fn give_up_connecting(&mut self, task: usize) {
        let connects = self.connects.entry(task).or_default();
        if connects.in_a_row >= MOST_CONNECTS {
            connects.in_a_row = 0;
            connects.failed += 1;
        }
    }

    /// The service asked for a pause that is longer than a run waits.
    pub fn asked_to_wait(&mut self, now: Duration) {
        self.was_asked_to_wait = true;
        self.stopped.get_or_insert(now);
    }

    /// A worker may have been done already: then nothing is lost, and the run goes on.
    pub fn panicked_looking(&mut self) {
        self.may_have_panicked = true;
    }

    pub fn panicked(&mut self, now: Duration) {
        self.panicked = true;
        self.stopped.get_or_insert(now);
    }

    fn deadline(&self) -> Option<Duration> {
        let begin = self.began + self.opening();
        self.limits.run_timeout.map(|timeout| begin + timeout)
    }

    /// How long it may take to begin.
    fn opening(&self) -> Duration {
        match self.journal {
            Some(_) => LONGEST_OPENING,
            None => Duration::ZERO,
        }
    }

    /// Whether something may still be started.
    fn check_start(&mut self, now: Duration, what: &str) {
        if self.cancelled.is_some_and(|cancelled| cancelled < now) {
            self.violations.push(format!("{what} after the cancel"));
        }
        if self.stopped.is_some_and(|stopped| stopped < now) {
            self.violations
                .push(format!("{what} after the run was stopped"));
        }
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.violations
                .push(format!("{what} after the run's deadline"));
        }
    }

    pub fn check_limits(&mut self, task: usize, now: Duration, deadline: Duration) {
        self.check_start(now, "sends");
        if self.cancelled.is_some() && !self.sent_after_cancel.insert(task) {
            self.violations
                .push("a worker sends twice after the cancel".into());
        }
        let most = now + self.limits.request_timeout;
        let most = match (&self.reading, self.deadline()) {
            // What changes nothing is not awaited any longer.
            (Some(_), Some(run)) => run.min(most),
            _ => most,
        };
        if deadline != most {
            self.violations
                .push(format!("waits until {deadline:?}, sent at {now:?}"));
        }
        self.requests += 1;
        self.busy += 1;
        if self.busy > self.limits.connections {
            self.violations
                .push(format!("{} requests at once", self.busy));
        }
        let probes = (now - self.last_answer).as_secs() / PROBE_SECONDS;
        let most = self.workers as u32 + DOUBT + self.limits.attempts + THROTTLES;
        if self.failures_of_requests > most + EARLY_PROBES + probes as u32 {
            self.violations
                .push("does not leave a service alone that is down".into());
        }
        if self.refusals_in_row > REFUSALS_IN_ROW + self.workers as u32 {
            self.violations
                .push("goes on after refusals in a row".into());
        }
    }

    /// A reading call asks for nothing else, and not too often.
    pub fn check_query(&mut self, attempt: &Attempt, now: Duration) {
        if let Some(reading) = &mut self.reading {
            let broken = reading.check(attempt, &self.limits, now);
            self.violations.extend(broken);
        }
    }

    pub fn check_ids(&mut self, attempt: &Attempt) {
        if attempt.query.is_some() {
            self.violations.push("a run asks for a list".into());
        }
        let distinct: HashSet<_> = attempt.scopes.iter().collect();
        if distinct.len() != attempt.ids.len() || !(1..=100).contains(&distinct.len()) {
            self.violations.push("not 1 to 100 distinct ids".into());
        }
        let first = attempt
            .scopes
            .first()
            .and_then(|scope| self.facts.get(scope));
        let batch = first.and_then(|facts| facts.batch).unwrap_or_else(|| {
            self.extra_requests.push(0);
            self.extra_requests.len() - 1
        });
        for (scope, id) in attempt.scopes.iter().zip(&attempt.ids) {
            if self.finished.contains(scope) {
                self.violations.push(format!("{id} is sent after its end"));
            }
            let is_unsafe = |disk: &Disk| self.positions.len() < 2_000 && !disk.has_intent(id);
            if !id.contains('"') && self.journal.as_ref().is_some_and(is_unsafe) {
                self.violations
                    .push(format!("{id} is sent and not safe in the journal"));
            }
            let Some(facts) = self.facts.get_mut(scope) else {
                self.violations.push(format!("{id} was not asked for"));
                continue;
            };
            if facts.settled {
                self.violations
                    .push(format!("{id} is sent again: {facts:?}"));
            }
            let last_failure = facts.last_failure;
            let is_own_failure = last_failure.is_some_and(|failure| self.last_answer > failure);
            if facts.tries >= self.limits.attempts + facts.throttles && is_own_failure {
                self.violations
                    .push(format!("{id} is tried too often: {facts:?}"));
            }
            if *facts.batch.get_or_insert(batch) != batch {
                self.violations.push(format!("{id} changed its batch"));
            }
        }
    }

    /// A request is about to leave: how often it was sent by then, this time included.
    pub fn count_send(&mut self, attempt: &Attempt) -> u32 {
        if let Some(reading) = &mut self.reading {
            reading.sends += 1;
            return reading.sends;
        }
        let mut most = 0;
        for scope in attempt.scopes.iter() {
            if let Some(facts) = self.facts.get_mut(scope) {
                facts.sends += 1;
                most = most.max(facts.sends);
            }
        }
        most
    }

    pub fn circumstances<'e>(
        &self,
        error: Option<&'e Error>,
        report: Option<&'e Report>,
    ) -> Circumstances<'e> {
        let is_reading = self.reading.is_some();
        let disk_failed = self.journal.as_ref().is_some_and(Disk::has_failed);
        let is_cut_short = self.cancelled.is_some() || self.limits.run_timeout.is_some();
        // It may have been for longer than the run waits when these failed.
        let may_be_down = self.uncounted_connects > 0;
        Circumstances {
            error,
            report,
            is_reading,
            began: self.began,
            opening: self.opening(),
            requests: self.requests,
            failed_connects: (self.failed_connects + self.uncounted_connects) as usize,
            corrections: self.corrections,
            must_stop: self.was_asked_to_wait
                || !is_reading && (self.unauthorized || self.panicked),
            may_stop: self.may_stop() || is_cut_short || disk_failed || may_be_down,
        }
    }

    pub fn check_monitor(&mut self) {
        let (done, total) = (self.monitor.scopes_done(), self.monitor.scopes_total());
        if total != self.positions.len() || done > total || done < self.done_before {
            let before = self.done_before;
            self.violations
                .push(format!("monitor: {done} (before {before}) of {total}"));
        }
        self.done_before = done;
    }

    /// Why this attempt may have been sent once more. A connect that failed between was an attempt
    /// of its own.
    fn resent(&self, attempt: &Attempt) -> Resent {
        let first = attempt
            .scopes
            .first()
            .and_then(|scope| self.facts.get(scope));
        let this = self.attempt_of(attempt);
        let noted = match &self.reading {
            Some(reading) => reading.resent,
            None => first.and_then(|facts| facts.resent),
        };
        noted
            .filter(|(of, _)| *of == this)
            .map_or(Resent::default(), |(_, resent)| resent)
    }

    /// Whether the request is sent once more at once, and why it was by then.
    fn resends(&mut self, attempt: &Attempt, delivery: &Delivery) -> Option<Resent> {
        let before = self.resent(attempt);
        let is_new = delivery.corrected && !before.corrected || delivery.renewed && !before.renewed;
        if !is_new {
            return None;
        }
        if self.reading.is_none() {
            let extra = self.extra_requests_of(attempt)?;
            if *extra >= MOST_EXTRA_REQUESTS {
                return None;
            }
            *extra += 1;
        }
        Some(Resent {
            corrected: before.corrected || delivery.corrected,
            renewed: before.renewed || delivery.renewed,
        })
    }

    /// The worker, and how many of its connects had failed by then.
    fn attempt_of(&self, attempt: &Attempt) -> (usize, u32) {
        let connects = self.connects.get(&attempt.task);
        (attempt.task, connects.map_or(0, |connects| connects.failed))
    }

    pub fn learn(&mut self, attempt: &Attempt, delivery: &Delivery, now: Duration) {
        self.busy -= 1;
        self.last_end = now;
        self.last_event = now;
        self.causes.extend(delivery.cause);
        self.was_interrupted |= delivery.interrupted && self.cancelled.is_some();
        self.corrections += usize::from(delivery.corrected);
        let resends = self.resends(attempt, delivery);
        let counts = resends.is_none() && !delivery.interrupted;
        let mut splits = false;
        let is_answer = matches!(
            &delivery.meaning,
            Meaning::Named(_)
                | Meaning::Listed(_)
                | Meaning::Refused {
                    next: Next::Halve,
                    ..
                }
        );
        if counts && is_answer {
            self.answered(now);
        }
        match &delivery.meaning {
            _ if !counts => {}
            Meaning::NotHanded
            | Meaning::Ambiguous { again: true }
            | Meaning::Refused {
                next: Next::Again, ..
            } => {
                self.failed_tries += 1;
                self.count_failure(now);
            }
            Meaning::Named(told) if told.contains(&Told::Unclear) => self.failed_tries += 1,
            Meaning::Named(_) | Meaning::Listed(_) => self.refusals_in_row = 0,
            Meaning::Refused {
                next: Next::Stop, ..
            } => {
                self.unauthorized = true;
                self.stopped.get_or_insert(now);
            }
            Meaning::Refused {
                next: Next::Halve, ..
            } => {
                splits = self.count_halving(attempt);
                if !splits {
                    self.count_refusal();
                }
            }
            Meaning::Refused { status: 403, .. } => self.failures_of_requests = 0,
            // A redirect is a refusal too, for it is not followed.
            Meaning::Refused { .. } | Meaning::Ambiguous { again: false } => self.count_refusal(),
        }
        let this = self.attempt_of(attempt);
        if let Some(reading) = &mut self.reading {
            reading.learn(delivery, counts, now);
            reading.resent = resends.map(|resent| (this, resent));
        }
        for (index, scope) in attempt.scopes.iter().enumerate() {
            if let Some(facts) = self.facts.get_mut(scope) {
                facts.learn(index, delivery, counts, splits, attempt.ids.len() == 1, now);
                facts.resent = resends.map(|resent| (this, resent));
            }
        }
    }

    /// The service itself answered, as one that works does.
    fn answered(&mut self, now: Duration) {
        // With one failure alone nobody takes it to be down.
        if self.failures_in_row > 1 {
            self.facts.values_mut().for_each(Facts::forgive);
        }
        self.failures_in_row = 0;
        self.failures_of_requests = 0;
        self.last_answer = now;
        self.has_answered = true;
    }

    /// An attempt failed, perhaps as the service is down.
    fn count_failure(&mut self, now: Duration) {
        self.failures_in_row += 1;
        self.failures_of_requests += 1;
        let failures = self.failed_tries + self.failed_connects + self.uncounted_connects;
        // A request without an answer counts from when its turn came, which may be before the last answer.
        let limits = &self.limits;
        let earliest = limits.connect_timeout + limits.request_timeout;
        let since = self.last_answer.saturating_sub(earliest);
        self.may_have_given_up |= now - since >= self.limits.max_outage
            || !self.has_answered && failures > self.limits.attempts;
    }

    /// Whether requests may have failed since the service answered last.
    pub fn is_in_trouble(&self, now: Duration) -> bool {
        self.failures_in_row > 0 || self.last_answer == now
    }

    /// A request was refused for its parameters: whether its halves are tried.
    fn count_halving(&mut self, attempt: &Attempt) -> bool {
        let Some(extra) = self.extra_requests_of(attempt) else {
            return false;
        };
        let splits = attempt.ids.len() > 1 && *extra + 2 <= MOST_EXTRA_REQUESTS;
        *extra += if splits { 2 } else { 0 };
        splits
    }

    /// How many requests its batch has cost beyond its attempts.
    fn extra_requests_of(&mut self, attempt: &Attempt) -> Option<&mut u32> {
        let first = attempt.scopes.first();
        let batch = first.and_then(|scope| self.facts.get(scope)?.batch)?;
        Some(&mut self.extra_requests[batch])
    }

    fn count_refusal(&mut self) {
        self.refusals_in_row += 1;
        self.failures_of_requests = 0;
        self.most_refusals_in_row = self.most_refusals_in_row.max(self.refusals_in_row);
    }

    /// Each outcome against the ledger.
    pub fn check_outcomes(&mut self, service: &Service, report: &Report) {
        let number = self.positions.len();
        if report.count() != number || report.outcomes().len() != number {
            self.violations.push("not one outcome per position".into());
            return;
        }
        for (position, (scope, original)) in self.positions.iter().enumerate() {
            let (Some(outcome), Some(facts)) = (report.outcome(position), self.facts.get(scope))
            else {
                self.violations.push(format!("no outcome at {position}"));
                continue;
            };
            let scope = &service.scopes[*scope];
            let broken = match original {
                Some(original) => check_repeat(report, position, outcome, *original),
                None => facts.check(outcome, scope, &self.lineage),
            };
            if let Some(broken) = broken {
                let id = &scope.id;
                self.violations.push(format!(
                    "{position}: {id} is {outcome:?}, but {broken}: {facts:?}"
                ));
            }
        }
    }

    /// Each outcome of a journaled run, which tells of all runs of its journal, against the ledger.
    pub fn check_journaled_outcomes(&mut self, service: &Service, report: &Report) {
        for (position, (scope, original)) in self.positions.iter().enumerate() {
            let Some(outcome) = report.outcome(position) else {
                self.violations.push(format!("no outcome at {position}"));
                return;
            };
            let scope = &service.scopes[*scope];
            let ours = scope
                .deleted_by
                .is_some_and(|run| self.lineage.contains(&run));
            let broken = match (original, outcome) {
                (Some(original), _) => check_repeat(report, position, outcome, *original),
                (None, Outcome::Deleted) if scope.exists => Some("it exists"),
                (None, Outcome::Deleted) if !ours => Some("we did not delete it"),
                (None, Outcome::NotFound | Outcome::Gone) if scope.exists => Some("it exists"),
                (None, Outcome::NotFound | Outcome::NotSent | Outcome::Rejected)
                    if ours && !scope.exists =>
                {
                    Some("we deleted it")
                }
                (None, Outcome::Duplicate) => Some("it stands once in the plan"),
                _ => None,
            };
            if let Some(broken) = broken {
                let id = &scope.id;
                self.violations
                    .push(format!("{position}: {id} is {outcome:?}, but {broken}"));
            }
        }
    }

    pub fn check_report(&mut self, service: &Service, report: &Report) {
        if report.request_count() != self.requests {
            let reported = report.request_count();
            self.violations
                .push(format!("{reported} requests reported of {}", self.requests));
        }
        let tallies: usize = Outcome::ALL.iter().map(|o| report.tally(*o as i32)).sum();
        if tallies != report.count() {
            self.violations.push("the tallies do not add up".into());
        }
        for (position, (scope, _)) in self.positions.iter().enumerate() {
            let scope = &service.scopes[*scope];
            let group = &service.groups[scope.group];
            let texts = [
                (report.scope_id(position), &scope.id),
                (report.device_id(position), &group.device),
                (report.user_id(position), &group.user),
            ];
            let same = |(shown, meant): &(Option<&std::ffi::CStr>, &String)| {
                shown.is_some_and(|shown| shown.to_bytes() == meant.as_bytes())
            };
            if !texts.iter().all(same) {
                self.violations
                    .push(format!("{position} names something else"));
            }
        }
    }

    /// The status of the run against what happened.
    pub fn check_status(&mut self, error: Option<&Error>, now: Duration) {
        let is_open = |(scope, original): &&(usize, Option<usize>)| {
            original.is_none() && self.facts[scope].told.is_none()
        };
        let lowest = self.positions.iter().find(is_open);
        let broken = match (lowest, error) {
            (None, None) => None,
            (None, Some(error)) => Some(format!("all has its outcome, yet: {error}")),
            (Some(_), None) => Some("something is left, yet the run is called complete".into()),
            (Some((lowest, _)), Some(error)) => {
                let cause = self.facts[lowest].settled_cause();
                self.contradiction(cause, error, now)
            }
        };
        self.violations.extend(broken);
        self.check_given_up();
    }

    /// Whether ids were left though they had not had their tries, and nothing ended the run.
    fn check_given_up(&mut self) {
        let failed_connects = self.failed_connects + self.uncounted_connects;
        let is_cut_short = self.cancelled.is_some() || self.limits.run_timeout.is_some();
        if is_cut_short || self.may_stop() || failed_connects > 0 {
            return;
        }
        let attempts = self.limits.attempts;
        let is_early =
            |facts: &&Facts| facts.told.is_none() && !facts.settled && facts.all_tries < attempts;
        if let Some(facts) = self.facts.values().find(is_early) {
            self.violations
                .push(format!("is given up early: {facts:?}"));
        }
    }

    /// Why an error can't be the status, if so; `cause` is that of the lowest incomplete index.
    fn contradiction(
        &self,
        cause: Option<ErrorKind>,
        error: &Error,
        now: Duration,
    ) -> Option<String> {
        let is_possible = match error.kind {
            ErrorKind::Cancelled => self.cancelled.is_some(),
            // A pause that outlasts the deadline ends the run before it.
            ErrorKind::TimedOut => {
                self.limits.run_timeout.is_some() || self.causes.contains(&ErrorKind::TimedOut)
            }
            ErrorKind::Unauthorized => self.unauthorized,
            ErrorKind::Internal => self.panicked || self.may_have_panicked,
            ErrorKind::InvalidArgument => false,
            kind => self.causes.contains(&kind),
        };
        let is_late = self.deadline().is_some_and(|deadline| deadline <= now);
        let untouched = self.facts.values().any(|facts| facts.batch.is_none());
        let failed_connects = self.failed_connects + self.uncounted_connects;
        let untouched = untouched && failed_connects == 0;
        let expected = match error.kind {
            ErrorKind::Cancelled => None,
            _ if self.was_interrupted => Some(ErrorKind::Cancelled),
            _ if self.cancelled.is_some() => None,
            _ if is_late && untouched && !self.may_stop() => Some(ErrorKind::TimedOut),
            _ if self.limits.run_timeout.is_some() => None,
            _ if self.unauthorized => Some(ErrorKind::Unauthorized),
            _ if self.panicked => Some(ErrorKind::Internal),
            // Of connects nobody can tell for which ids they were.
            _ if self.may_have_panicked || failed_connects > 0 => None,
            _ => cause,
        };
        if !is_possible || expected.is_some_and(|expected| expected != error.kind) {
            let (kind, causes) = (error.kind, &self.causes);
            return Some(format!(
                "the status is {kind:?} ({error}), not {expected:?} of {causes:?}"
            ));
        }
        let may_stop = self.may_stop() || self.cancelled.is_some();
        (untouched && !may_stop && self.limits.run_timeout.is_none())
            .then(|| format!("gave up without a reason: {error}"))
    }

    /// Whether something else than the caller or the deadline ends a run early.
    fn may_stop(&self) -> bool {
        self.unauthorized
            || self.panicked
            || self.may_have_panicked
            || self.was_asked_to_wait
            || self.may_have_been_asked_to_wait
            || self.may_have_given_up
            || self.most_refusals_in_row >= REFUSALS_IN_ROW
    }

    pub fn check_secrets(&mut self, report: &Report, error: Option<&Error>) {
        let mut texts: Vec<String> = Vec::new();
        if let Some(error) = error {
            texts.push(format!("{error:?}"));
        }
        let mut last = None;
        for position in 0..report.count() {
            for text in [report.message(position), report.service_code(position)] {
                // Neighbours mostly share theirs.
                if text != last {
                    texts.extend(text.map(|text| text.to_string_lossy().into_owned()));
                    last = text;
                }
            }
        }
        self.check_texts(&texts);
    }

    fn check_texts(&mut self, texts: &[String]) {
        if let Some(text) = texts.iter().find(|text| shows_secret(text)) {
            self.violations.push(format!("a secret is shown: {text}"));
        }
    }

    /// What a reading call returned, against what was answered.
    pub fn check_returned(&mut self, returned: &Returned, now: Duration) {
        let broken = match (&self.reading, returned) {
            (Some(reading), Returned::List(entries)) => reading.check_list(entries),
            (Some(reading), Returned::Error(error)) => self.check_no_list(reading, error),
            (Some(_), Returned::Panicked) => {
                let may_panic = self.panicked || self.may_have_panicked;
                (!may_panic).then(|| "it panicked".to_owned())
            }
            (None, _) => Some("a run returned a list".to_owned()),
        };
        self.violations.extend(broken);
        self.check_texts(&returned.texts());
        if self.busy != 0 {
            self.violations
                .push("returned with a request under way".into());
        }
        for end in [self.cancelled, self.deadline()].into_iter().flatten() {
            if now > end {
                self.violations
                    .push(format!("returned at {now:?}, stopped at {end:?}"));
            }
        }
    }

    /// Why a reading call can't have ended with this error, if so.
    fn check_no_list(&self, reading: &Reading, error: &Error) -> Option<String> {
        let is_possible = match error.kind {
            ErrorKind::Cancelled => self.cancelled.is_some(),
            // A pause that outlasts the deadline ends it before.
            ErrorKind::TimedOut if self.limits.run_timeout.is_some() => true,
            ErrorKind::Unreachable if reading.may_have_failed => true,
            kind => !self.was_interrupted && reading.last_cause == Some(kind),
        };
        if !is_possible {
            return Some(format!("{error} ({:?})", reading.last_cause));
        }
        let is_cut_short = self.cancelled.is_some() || self.limits.run_timeout.is_some();
        if is_cut_short || self.may_stop() {
            return None;
        }
        reading.check_given_up(self.limits.attempts)
    }

    pub fn check_end(&mut self, report: &Report, error: Option<&Error>, now: Duration) {
        self.check_monitor();
        let done = self.monitor.scopes_done();
        if error.is_none() && done != report.count() {
            self.violations
                .push(format!("complete, and the monitor counts {done}"));
        }
        if self.busy != 0 {
            self.violations
                .push("returned with requests under way".into());
        }
        // It waits for the answers under way, and for nothing else but a journal's disk.
        let has_disk = self.journal.is_some();
        for end in [self.cancelled, self.deadline()].into_iter().flatten() {
            if now > end.max(self.last_end) && !has_disk {
                self.violations
                    .push(format!("returned at {now:?}, stopped at {end:?}"));
            }
        }
    }

    /// The scopes asked for, repeats included.
    pub fn scopes(&self) -> Vec<usize> {
        self.positions.iter().map(|(scope, _)| *scope).collect()
    }

    pub fn refused_for_good(&self, scope: usize) -> bool {
        let facts = self.facts.get(&scope);
        facts.is_some_and(|facts| facts.permanent && facts.refused)
    }

    /// What a next run should take up.
    pub fn unfinished(&self, report: &Report) -> Errand {
        let is_left = |position: &usize| match report.outcome(*position) {
            Some(Outcome::NotSent) => true,
            Some(Outcome::Rejected | Outcome::Unknown) => {
                !self.facts[&self.positions[*position].0].permanent
            }
            _ => false,
        };
        let positions = (0..self.positions.len()).filter(is_left);
        let scopes: Vec<_> = positions
            .map(|position| self.positions[position].0)
            .collect();
        let tried = |scope: &&usize| self.facts[*scope].possibly_executed;
        Errand {
            tried: scopes.iter().filter(tried).copied().collect(),
            scopes,
            takes_up: self.lineage.last().copied(),
        }
    }
}

fn check_repeat(
    report: &Report,
    position: usize,
    outcome: Outcome,
    original: usize,
) -> Option<&'static str> {
    let message = report.message(position).map(|text| text.to_string_lossy());
    let names = message.is_some_and(|text| text.ends_with(&format!(" {original}")));
    let code = report.service_code(position).map(|code| code.to_bytes());
    let told = outcome == Outcome::Duplicate && names && code == Some(b"15000424");
    (!told).then_some("it is a repeat")
}

/// Whether a text holds a secret or a request's signature.
pub fn shows_secret(text: &str) -> bool {
    let is_hex = |run: &[u8]| run.iter().all(u8::is_ascii_hexdigit);
    text.contains(SECRET_MARK)
        || text
            .find("Signature=")
            .and_then(|at| text.as_bytes().get(at + 10..at + 18))
            .is_some_and(is_hex)
}
