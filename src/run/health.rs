//! Whether the service answers a run: when one request at a time is sent, when a request is given up, how
//! long a service that is down is waited for.
//!
//! A failure of a request is its own if others succeed; if none does, it is the service's. After a few
//! failures in a row, with no success between, the service is in doubt: from then on one request at a
//! time is tried, so that a service in trouble is left alone. If that one uses up its attempts, the service
//! is down: requests take turns after growing pauses, and their attempts are not charged. The first success
//! ends it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::events::Events;
use crate::error::Error;
use crate::sync::lock;

/// So many failures in a row put the service in doubt.
const FAILURES_OF_DOUBT: u32 = 4;
/// So many more throttles, one after the other and each paced, are no matter of the rate.
const THROTTLES_OF_AN_OUTAGE: u32 = 8;
const MAX_REFUSALS_IN_ROW: u32 = 20;
/// So many requests that had not failed are tried in an outage: more of them might be carried out and not
/// answered.
const FRESH_PROBES: u32 = 1;
/// After the second probe of an outage; the first comes at once.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Shared by a run's workers.
pub(super) struct ServiceHealth<'a> {
    /// Outages are told under the lock, so that they are told in their order.
    events: Events<'a>,
    began: Instant,
    max_outage: Duration,
    /// When the latest request was sent that the service answered, in nanoseconds since `began`, plus 1;
    /// 0: none was.
    last_answer: AtomicU64,
    refusals_in_row: AtomicU32,
    /// Whether there were failures since the last success.
    is_troubled: AtomicBool,
    is_doubtful: AtomicBool,
    trouble: Mutex<Trouble>,
}

/// What went wrong since the last success.
#[derive(Default)]
struct Trouble {
    failures: u32,
    /// Of requests that were sent when the service was in doubt.
    throttles_in_doubt: u32,
    since: Option<Instant>,
    doubtful_since: Option<Instant>,
    outage: Option<Outage>,
    /// How many outages are over that were the service's, and no single request's.
    outages_over: u32,
    troubles_over: u32,
}

#[derive(Clone, Copy)]
struct Outage {
    /// When the first failure was.
    since: Instant,
    began: Instant,
    failed_probes: u32,
    next_probe: Instant,
}

/// An attempt that failed and may succeed another time.
#[derive(Clone, Copy)]
pub(super) struct FailedAttempt<'e> {
    pub(super) sent: Instant,
    pub(super) now: Instant,
    pub(super) error: &'e Error,
    pub(super) is_throttled: bool,
}

/// What a failed attempt means for its run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Diagnosis {
    /// It counts as the request's own.
    RequestFailed,
    /// There was no success for so long that another request should be tried.
    ServiceSuspected,
    /// The attempt is not the request's own failure. `try_fresh`: another that has not failed may show that
    /// the service is up.
    ServiceDown { try_fresh: bool },
    /// It has been down for longer than the run waits.
    GivenUp,
}

impl<'a> ServiceHealth<'a> {
    pub(super) fn new(began: Instant, max_outage: Duration, events: Events<'a>) -> Self {
        Self {
            events,
            began,
            max_outage,
            last_answer: AtomicU64::new(0),
            refusals_in_row: AtomicU32::new(0),
            is_troubled: AtomicBool::new(false),
            is_doubtful: AtomicBool::new(false),
            trouble: Mutex::default(),
        }
    }

    /// A request succeeded as a whole.
    pub(super) fn succeeded(&self) {
        self.refusals_in_row.store(0, Ordering::Relaxed);
    }

    /// The service itself answered a request that was sent then.
    pub(super) fn answered(&self, sent: Instant) {
        self.last_answer
            .fetch_max(self.stamp(sent), Ordering::Relaxed);
        if self.is_troubled.load(Ordering::Relaxed) {
            self.recover();
        }
    }

    fn recover(&self) {
        let now = self.events.now();
        let mut trouble = self.trouble();
        if let Some(outage) = trouble.outage {
            let duration = now.saturating_duration_since(outage.since);
            self.events.outage_ended(now, duration);
        }
        let was_down = trouble
            .outage
            .is_some_and(|outage| outage.failed_probes > 0);
        *trouble = Trouble {
            outages_over: trouble.outages_over + u32::from(was_down),
            troubles_over: trouble.troubles_over + 1,
            ..Trouble::default()
        };
        self.is_troubled.store(false, Ordering::Relaxed);
        self.is_doubtful.store(false, Ordering::Relaxed);
    }

    /// Whether the service answered a request that was not sent before this.
    pub(super) fn has_answered_since(&self, moment: Instant) -> bool {
        self.last_answer.load(Ordering::Relaxed) >= self.stamp(moment)
    }

    pub(super) fn has_ever_answered(&self) -> bool {
        self.last_answer.load(Ordering::Relaxed) > 0
    }

    /// Whether one request at a time is to be sent.
    pub(super) fn is_doubtful(&self) -> bool {
        self.is_doubtful.load(Ordering::Relaxed)
    }

    /// When the next request may be sent, as far as an outage delays it.
    pub(super) fn next_probe(&self) -> Option<Instant> {
        match self.is_doubtful() {
            true => self.trouble().outage.map(|outage| outage.next_probe),
            false => None,
        }
    }

    /// How often the service answered after failures.
    pub(super) fn troubles_over(&self) -> u32 {
        self.trouble().troubles_over
    }

    /// How many outages were the service's.
    pub(super) fn outages_over(&self) -> u32 {
        self.trouble().outages_over
    }

    /// Takes note of a failure that may pass.
    pub(super) fn failed(&self, attempt: FailedAttempt<'_>) -> Diagnosis {
        let now = attempt.now;
        let mut trouble = self.trouble();
        let since = trouble.count(attempt, self.events);
        self.is_troubled.store(true, Ordering::Relaxed);
        if trouble.doubtful_since.is_some() {
            self.is_doubtful.store(true, Ordering::Relaxed);
        }
        let is_over = now >= since + self.max_outage;
        // Nothing else bounds throttled requests. Who does not wait at all gives them a chance, though.
        if is_over && attempt.is_throttled && !self.max_outage.is_zero() {
            return Diagnosis::GivenUp;
        }
        let Some(outage) = &mut trouble.outage else {
            let is_patient = !self.max_outage.is_zero() && self.has_ever_answered();
            return match is_over && is_patient {
                true => Diagnosis::ServiceSuspected,
                false => Diagnosis::RequestFailed,
            };
        };
        if attempt.sent >= outage.began {
            outage.probe_failed(now, since + self.max_outage);
        }
        // Who never answered is perhaps no KooDrive; but who throttles may let us in later.
        let is_waited_for = self.has_ever_answered() || attempt.is_throttled;
        match is_over || !is_waited_for {
            true => Diagnosis::GivenUp,
            false => Diagnosis::ServiceDown {
                try_fresh: outage.failed_probes <= FRESH_PROBES,
            },
        }
    }

    /// A request has used up its attempts and none succeeded meanwhile: the service is down. Another one is
    /// tried at once, to make sure.
    pub(super) fn suspect_outage(&self, now: Instant, error: &Error) {
        self.trouble().begin_outage(now, error, self.events);
        self.is_troubled.store(true, Ordering::Relaxed);
        self.is_doubtful.store(true, Ordering::Relaxed);
    }

    /// Whether a pause that the service asks for ends before the run stops waiting for it.
    pub(super) fn is_worth_waiting(&self, now: Instant, pause: Duration) -> bool {
        let since = self.trouble().since.unwrap_or(now);
        pause <= self.max_outage && now + pause <= since + self.max_outage
    }

    /// The service refused a whole request for good. `false`: too many in a row, stop the run.
    pub(super) fn may_go_on(&self) -> bool {
        self.refusals_in_row.fetch_add(1, Ordering::Relaxed) + 1 < MAX_REFUSALS_IN_ROW
    }

    fn stamp(&self, moment: Instant) -> u64 {
        moment.saturating_duration_since(self.began).as_nanos() as u64 + 1
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        lock(&self.trouble)
    }
}

impl Trouble {
    /// Takes note of a failure; since when there is trouble.
    fn count(&mut self, attempt: FailedAttempt<'_>, events: Events<'_>) -> Instant {
        self.failures += 1;
        // What was under way by then says no more than that.
        let was_doubtful = self
            .doubtful_since
            .is_some_and(|since| attempt.sent >= since);
        if self.failures >= FAILURES_OF_DOUBT {
            self.doubtful_since.get_or_insert(attempt.now);
        }
        if attempt.is_throttled && was_doubtful {
            self.throttles_in_doubt += 1;
            if self.throttles_in_doubt >= THROTTLES_OF_AN_OUTAGE {
                self.begin_outage(attempt.now, attempt.error, events);
            }
        }
        // What has no response may have been lost at once.
        let since = match attempt.error.http_status.is_some() {
            true => attempt.now,
            false => attempt.sent,
        };
        *self.since.get_or_insert(since)
    }

    fn begin_outage(&mut self, now: Instant, error: &Error, events: Events<'_>) {
        if self.outage.is_none() {
            let since = self.since.unwrap_or(now);
            events.outage_began(now, now.saturating_duration_since(since), error);
            self.outage = Some(Outage {
                since,
                began: now,
                failed_probes: 0,
                next_probe: now,
            });
        }
    }
}

impl Outage {
    /// The next probe comes after a pause that grows, but no later than the run stops waiting.
    fn probe_failed(&mut self, now: Instant, end: Instant) {
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.failed_probes));
        self.failed_probes += 1;
        self.next_probe = (now + pause.min(LONGEST_PAUSE)).min(end);
    }
}
