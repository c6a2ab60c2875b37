//! What must be true whatever happens. It is checked at each request, at each answer and of each
//! report, against the service's ledger and what was really answered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use koodrive::error::{Error, ErrorKind};
use koodrive::report::Report;
use ureq::http::Request;

use crate::answer::RetryAfter;
use crate::faults::{Meaning, Next};
use crate::lists::Query;
use crate::network::Seen;
use crate::reading::{Reading, Returned};
use crate::request::{self, Asks, Listing, Wire};
use crate::run::{Errand, MOST_CONNECTS, Run};
use crate::service::Service;
use crate::telling::Keeping;

/// Stands in every secret, and nowhere else.
pub const SECRET_MARK: &str = "hush";

/// Between two runs.
const MOST_IDLE: Duration = Duration::from_secs(15);

const LONGEST_BACKOFF: Duration = Duration::from_secs(20);
/// At the lowest rate that a client falls to.
const LONGEST_INTERVAL: Duration = Duration::from_secs(5);

/// What a run may use; as the config says.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
    pub run_timeout: Option<Duration>,
    pub max_outage: Duration,
    pub attempts: u32,
    pub connections: usize,
    pub requests_per_second: usize,
}

pub struct Watch {
    pub limits: Limits,
    pub keeping: Keeping,
    pub runs: Vec<Run>,
    /// Of which each was in force from then on.
    pub authorizations: Vec<(Duration, String)>,
    /// AppId and AppSecret, where requests are signed.
    pub app: Option<(String, String)>,
    /// Whether the client's clock is right, or corrected.
    pub clock_is_right: bool,
    /// Whether it does not jump at each look.
    pub clock_is_steady: bool,
    /// A correction that the next refusal takes back.
    may_be_unproven: bool,
    /// How often what the client knows of the clock may have changed.
    clock_version: u64,
    /// And when: other workers may not have noticed at that very moment.
    clock_changed: Duration,
    pub requests: u64,
    pub first_violation: Option<String>,
    pub concurrent_runs: usize,
    open: usize,
    opened: u64,
    sends: VecDeque<Duration>,
    /// Since when the client knows that it must not send, and until when.
    pauses: Vec<(Duration, Duration)>,
    /// Until when it may wait, at the most.
    longest_pause: Duration,
    /// Whether a request was throttled, so that the client may send more slowly.
    was_throttled: bool,
}

/// One request under way.
pub struct Attempt {
    pub number: u64,
    pub run: usize,
    pub task: usize,
    pub user: String,
    pub device: Option<String>,
    pub scopes: Arc<[usize]>,
    pub ids: Vec<String>,
    /// Of one that only reads.
    pub query: Option<Query>,
    pub x_date: u64,
    /// What the client may have known of the clock when it was sent.
    clock_version: u64,
    pub authorization: String,
}

/// How it ended.
pub struct Delivery {
    pub meaning: Meaning,
    pub cause: Option<ErrorKind>,
    pub status: Option<u16>,
    pub interrupted: bool,
    pub panicked: bool,
    pub has_request_id: bool,
    /// The request may be sent once more: its X-Date was wrong.
    pub corrected: bool,
    /// The request may be sent once more: its authorization was replaced meanwhile.
    pub renewed: bool,
    unauthorized: bool,
    /// Nothing says whether the X-Date was the reason of a refusal.
    undated_refusal: bool,
    /// What the client learnt of the clock, if it did, is wrong.
    misled: bool,
    pause: Option<Duration>,
    /// A pause of so many seconds was asked for, by a date without the right clock beside it.
    undated_pause: Option<u64>,
}

impl Delivery {
    pub fn of(seen: &Seen<'_>, attempt: &Attempt, now: Duration) -> Self {
        let draft = seen.draft;
        let error = draft.and_then(|draft| draft.date.error());
        let dated = error == Some(0);
        let shown = error.map(|error| Service::clock_seconds(now).saturating_add_signed(error));
        let refused = draft.is_some_and(|draft| matches!(draft.status, 400 | 401));
        let (pause, undated_pause) = match draft.and_then(|draft| draft.retry_after) {
            None => (None, None),
            Some(RetryAfter::Date(seconds)) if !dated => {
                (None, Some(seconds + error.unwrap_or(0).unsigned_abs()))
            }
            Some(RetryAfter::Seconds(seconds) | RetryAfter::Date(seconds)) => {
                (Some(Duration::from_secs(seconds)), None)
            }
        };
        Self {
            meaning: seen.meaning.clone(),
            cause: seen.cause,
            status: draft.map(|draft| draft.status),
            interrupted: seen.interrupted,
            panicked: seen.panicked,
            has_request_id: draft.is_some_and(|draft| draft.request_id.is_some()),
            corrected: refused
                && shown.is_some_and(|shown| !Service::is_lawful(attempt.x_date, shown)),
            renewed: false,
            unauthorized: draft.is_some_and(|draft| draft.status == 401),
            undated_refusal: refused && shown.is_none(),
            misled: !dated,
            pause,
            undated_pause,
        }
    }
}

impl Watch {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            keeping: Keeping::default(),
            runs: Vec::new(),
            authorizations: Vec::new(),
            app: None,
            clock_is_right: true,
            clock_is_steady: true,
            may_be_unproven: false,
            clock_version: 0,
            clock_changed: Duration::ZERO,
            requests: 0,
            first_violation: None,
            concurrent_runs: 1,
            open: 0,
            opened: 0,
            sends: VecDeque::new(),
            pauses: Vec::new(),
            longest_pause: Duration::ZERO,
            was_throttled: false,
        }
    }

    /// A client that knows nothing of what was before.
    pub fn new_client(&mut self, limits: Limits) {
        self.limits = limits;
        self.may_be_unproven = false;
        self.sends.clear();
        self.pauses.clear();
    }

    pub fn violation(&mut self, what: impl Into<String>) {
        self.first_violation.get_or_insert(what.into());
    }

    pub fn run(&mut self, run: usize) -> &mut Run {
        &mut self.runs[run]
    }

    /// A run begins.
    pub fn begin(&mut self, errand: &Errand, now: Duration) -> usize {
        let number = self.runs.len();
        let before = errand.takes_up.map(|run| self.runs[run].lineage.as_slice());
        let lineage = [before.unwrap_or_default(), &[number]].concat();
        let run = Run::new(errand, lineage, &self.limits, self.keeping, now);
        self.runs.push(run);
        number
    }

    /// A reading call begins.
    pub fn begin_reading(&mut self, queries: Vec<Query>, now: Duration) -> usize {
        let run = self.begin(&Errand::default(), now);
        self.runs[run].reading = Some(Reading::new(queries));
        run
    }

    /// A worker opened a connection; its number.
    pub fn opened(&mut self, run: usize, task: usize) -> u64 {
        self.opened += 1;
        self.runs[run].connected(task, self.opened);
        self.open += 1;
        if self.open > self.limits.connections * self.concurrent_runs {
            self.violation(format!("{} connections are open", self.open));
        }
        self.opened
    }

    pub fn closed(&mut self) {
        self.open -= 1;
    }

    /// A connection that one run used is used by another.
    pub fn check_idle(&mut self, before: usize, run: usize) {
        let idle = self.runs[before]
            .ended
            .map(|ended| self.runs[run].began.saturating_sub(ended));
        if idle.is_some_and(|idle| idle >= MOST_IDLE) {
            self.violation("a connection is used that was idle for too long");
        }
    }

    pub fn arrived(&mut self, run: usize, scopes: &[usize]) {
        for scope in scopes {
            if let Some(facts) = self.runs[run].facts.get_mut(scope) {
                facts.arrived = true;
            }
        }
    }

    /// A request is about to leave.
    #[allow(clippy::too_many_arguments)]
    pub fn sent(
        &mut self,
        run: usize,
        task: usize,
        service: &Service,
        request: &Request<()>,
        body: Option<&[u8]>,
        now: Duration,
        deadline: Duration,
    ) -> Attempt {
        self.requests += 1;
        let attempt = match request::read(request, body) {
            Ok(wire) => {
                self.check_access(&wire, request, body, now);
                self.attempt(run, task, service, wire)
            }
            Err(why) => {
                self.violation(format!("an unlawful request: {why}"));
                self.attempt(run, task, service, Wire::default())
            }
        };
        self.check_pace(now);
        self.check_idleness(run, now);
        let this = &mut self.runs[run];
        this.check_limits(task, now, deadline);
        match this.reading {
            Some(_) => this.check_query(&attempt, now),
            None => this.check_ids(&attempt),
        }
        this.check_monitor();
        let sends = this.count_send(&attempt);
        this.telling.poll(&this.monitor);
        this.telling.sent(&attempt, sends, now);
        self.collect(run);
        attempt
    }

    fn attempt(&self, run: usize, task: usize, service: &Service, wire: Wire) -> Attempt {
        let (device, ids, of) = match wire.asks {
            Asks::Nothing => (None, Vec::new(), None),
            Asks::Deletion { device, ids } => (Some(device), ids, None),
            Asks::List(of) => match &of {
                Listing::Devices => (None, Vec::new(), Some(of)),
                Listing::Scopes { device, .. } => (Some(device.clone()), Vec::new(), Some(of)),
            },
        };
        let group = service.find_group(&wire.user, device.as_deref().unwrap_or_default());
        let find = |id: &String| group.and_then(|group| service.find(group, id));
        Attempt {
            number: self.requests,
            run,
            task,
            // What nobody knows becomes a place that no run asked for.
            scopes: ids
                .iter()
                .map(|id| find(id).unwrap_or(usize::MAX))
                .collect(),
            ids,
            query: of.map(|of| Query {
                user: wire.user.clone(),
                of,
            }),
            user: wire.user,
            device,
            x_date: wire.x_date,
            clock_version: self.clock_version,
            authorization: wire.authorization,
        }
    }

    fn check_access(
        &mut self,
        wire: &Wire,
        request: &Request<()>,
        body: Option<&[u8]>,
        now: Duration,
    ) {
        let given = &wire.authorization;
        let good = match &self.app {
            Some((id, secret)) => *given == request::authorization(request, body, id, secret),
            // What was replaced at this very moment is good too: it was on its way.
            None => {
                let replaced = |index: usize| self.authorizations.get(index + 1);
                let in_force = |index: usize| replaced(index).is_none_or(|next| next.0 >= now);
                let all = self.authorizations.iter().enumerate();
                all.filter(|(index, _)| in_force(*index))
                    .any(|(_, (_, value))| value == given)
            }
        };
        if !good {
            self.violation("a request carries an authorization that is not in force");
        }
        let clock = Service::clock_seconds(now);
        let oldest = clock - 12 - self.limits.request_timeout.as_secs();
        let is_known = self.clock_is_right && now > self.clock_changed;
        if is_known && !(oldest..=clock).contains(&wire.x_date) {
            self.violation(format!("X-Date is {} at {clock}", wire.x_date));
        }
    }

    pub fn connecting(&mut self, run: usize, task: usize, now: Duration, deadline: Duration) {
        self.check_idleness(run, now);
        self.runs[run].connecting(task, now, deadline);
        self.collect(run);
    }

    /// Nobody waits without a reason: backoff, a pause or the rate limit.
    fn check_idleness(&mut self, run: usize, now: Duration) {
        // An attempt may take a slot for each of its connects, and runs do not queue for slots.
        let slots = self.limits.connections * self.concurrent_runs * MOST_CONNECTS as usize;
        let rate = self.limits.requests_per_second.max(1);
        let interval = match self.was_throttled {
            true => LONGEST_INTERVAL,
            false => Duration::from_secs(1) / rate as u32,
        };
        let most = LONGEST_BACKOFF + interval * slots as u32;
        let this = &mut self.runs[run];
        if now > this.last_event.max(self.longest_pause) + most {
            let last = this.last_event;
            this.violations
                .push(format!("waits from {last:?} to {now:?}"));
        }
        this.last_event = now;
    }

    fn check_pace(&mut self, now: Duration) {
        let undercut = |(known, until): &(Duration, Duration)| *known < now && now < *until;
        if self.pauses.iter().any(undercut) {
            self.violation("a request undercuts Retry-After");
        }
        let rate = self.limits.requests_per_second;
        if rate > 0 {
            self.sends.push_back(now);
            if self.sends.len() > rate + 1 {
                self.sends.pop_front();
                let interval = Duration::from_secs(1) / rate as u32;
                if now - self.sends[0] < Duration::from_secs(1) - interval {
                    self.violation("more requests than the rate limit allows");
                }
            }
        }
    }

    /// A request ended, as far as the client can tell.
    pub fn delivered(&mut self, attempt: &Attempt, delivery: Delivery, now: Duration) {
        let retried = matches!(
            delivery.meaning,
            Meaning::Ambiguous { again: true }
                | Meaning::Refused {
                    next: Next::Again,
                    ..
                }
        );
        self.was_throttled |= matches!(delivery.status, Some(429 | 503));
        self.note_pause(attempt.run, &delivery, retried, now);
        self.note_clock(attempt, &delivery, now);
        let is_old = |(_, newest): &(Duration, String)| *newest != attempt.authorization;
        let delivery = Delivery {
            renewed: delivery.unauthorized && self.authorizations.last().is_some_and(is_old),
            ..delivery
        };
        let run = &mut self.runs[attempt.run];
        run.telling.poll(&run.monitor);
        run.telling.ended(attempt, &delivery, now);
        run.learn(attempt, &delivery, now);
        self.collect(attempt.run);
    }

    /// The service asked to be left alone.
    fn note_pause(&mut self, run: usize, delivery: &Delivery, retried: bool, now: Duration) {
        if let Some(pause) = delivery.pause.filter(|_| retried) {
            let this = &mut self.runs[run];
            if pause > this.limits.max_outage {
                this.asked_to_wait(now);
            } else {
                // What exceeds the time that an outage has left ends the run instead.
                match this.is_in_trouble(now) {
                    true => this.may_have_been_asked_to_wait = true,
                    false => self.pauses.push((now, now + pause)),
                }
                self.longest_pause = self.longest_pause.max(now + pause);
            }
        }
        if delivery.undated_pause.is_some_and(|_| retried) {
            // The date is then worth as much as our clock.
            self.runs[run].may_have_been_asked_to_wait = true;
            let longest = self.runs[run].limits.max_outage;
            self.longest_pause = self.longest_pause.max(now + longest);
        }
    }

    /// What the client may have learnt of its clock.
    fn note_clock(&mut self, attempt: &Attempt, delivery: &Delivery, now: Duration) {
        // What was learnt since the request was sent is not for its refusal to change.
        if attempt.clock_version != self.clock_version {
            return;
        }
        if delivery.corrected {
            let misled = delivery.misled || self.may_be_unproven;
            self.clock_is_right = !misled && self.clock_is_steady;
            self.may_be_unproven = true;
            self.clock_version += 1;
            self.clock_changed = now;
        }
        // What was learnt before did not help and is dropped.
        if delivery.undated_refusal && self.may_be_unproven {
            self.clock_is_right = false;
            self.clock_version += 1;
            self.clock_changed = now;
        }
    }

    /// A run ended.
    pub fn finish(
        &mut self,
        run: usize,
        service: &Service,
        report: &Report,
        error: Option<&Error>,
        now: Duration,
    ) {
        let this = &mut self.runs[run];
        this.ended = Some(now);
        match this.journal.is_some() {
            true => this.check_journaled_outcomes(service, report),
            false => {
                this.check_outcomes(service, report);
                this.check_status(error, now);
            }
        }
        this.check_report(service, report);
        this.check_secrets(report, error);
        this.check_end(report, error, now);
        this.check_telling(error, Some(report));
        self.collect(run);
    }

    /// A reading call ended.
    pub fn finish_reading(&mut self, run: usize, returned: &Returned, now: Duration) {
        let this = &mut self.runs[run];
        this.ended = Some(now);
        this.check_returned(returned, now);
        this.check_monitor();
        // A panic is the caller's, who gets no list and no error.
        match returned {
            Returned::List(_) => this.check_telling(None, None),
            Returned::Error(error) => this.check_telling(Some(error), None),
            Returned::Panicked => {}
        }
        self.collect(run);
    }

    /// A run's process was killed: it has no report.
    pub fn abandon(&mut self, run: usize, now: Duration) {
        self.runs[run].ended = Some(now);
    }

    fn collect(&mut self, run: usize) {
        let first = self.runs[run].violations.drain(..).next();
        if let Some(violation) = first {
            self.violation(format!("run {run}: {violation}"));
        }
    }
}
