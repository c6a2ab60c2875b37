//! How fast a client may send, over all its runs: the caller's rate limit, what the service allows, and
//! the pauses that the service asks for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::pace::Pace;
use crate::sync::lock;

/// Shared by a client's runs.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    /// Between two requests, as the caller says.
    interval: Duration,
    is_limited: AtomicBool,
    accepted: RecentCount,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next_slot: Option<Instant>,
    paused_until: Option<Instant>,
    /// None until the service throttles a request.
    pace: Option<Pace>,
}

impl RateLimiter {
    /// `now` is the moment from which on requests are counted.
    pub(crate) fn new(max_requests_per_second: u32, now: Instant) -> Self {
        let interval = Duration::from_secs(1).checked_div(max_requests_per_second);
        Self {
            interval: interval.unwrap_or_default(),
            is_limited: AtomicBool::new(interval.is_some()),
            accepted: RecentCount::new(now),
            state: Mutex::default(),
        }
    }

    /// Whether requests need a slot.
    pub(super) fn is_limited(&self) -> bool {
        self.is_limited.load(Ordering::Relaxed)
    }

    /// Takes the right to send one request now; or says when to ask again. Nothing is taken ahead: a
    /// run that is cancelled would leave its slots unused.
    pub(super) fn take_slot(&self, now: Instant) -> Result<Slot, Instant> {
        let mut state = self.state();
        let slot = state.next_slot.unwrap_or(now);
        if slot > now {
            return Err(slot);
        }
        // Being a little late does not slow down the requests after it.
        let is_late = now - slot >= self.interval;
        let mut end = if is_late { now } else { slot } + self.interval;
        let mut rate = f64::INFINITY;
        if let Some(pace) = &mut state.pace {
            pace.sent(now, slot);
            rate = pace.rate();
            // But a service that counts would take two requests at once for too many.
            end = end.max(now + pace.interval());
        }
        state.next_slot = Some(end);
        Ok(Slot { end, rate })
    }

    /// The service accepted a request that was sent then.
    pub(super) fn accepted(&self, sent: Instant) {
        self.accepted.add(sent);
    }

    /// The service refused a request for its rate: the rate from now on, unless it was sent before there was one.
    pub(super) fn throttled(&self, now: Instant, sent: Instant, slot: Option<Slot>) -> Option<f64> {
        let mut state = self.state();
        let is_paused = state.paused_until.is_some_and(|until| until > now);
        match (&mut state.pace, slot) {
            (Some(pace), Some(slot)) => pace.throttled(now, sent, slot.rate, is_paused),
            // It was sent before there was a rate.
            (Some(_), None) => return None,
            (None, _) => state.pace = Some(Pace::new(now, self.accepted.in_the_last_second(now))),
        }
        let interval = state.pace.as_ref().map(Pace::interval);
        let next = now + interval.unwrap_or_default();
        state.next_slot = Some(state.next_slot.map_or(next, |slot| slot.max(next)));
        self.is_limited.store(true, Ordering::Relaxed);
        state.pace.as_ref().map(Pace::rate)
    }

    /// The service asked to be left alone for this long.
    pub(super) fn pause(&self, now: Instant, pause: Duration) {
        let until = now + pause;
        let mut state = self.state();
        state.paused_until = Some(state.paused_until.map_or(until, |old| old.max(until)));
    }

    /// When the service may be asked again; the past if at once.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.state().paused_until
    }

    /// Until when nothing is sent, for a pause or for the rate; the past if it is.
    pub(super) fn not_before(&self) -> Option<Instant> {
        let state = self.state();
        state.paused_until.max(state.next_slot)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The right to send one request.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    /// When the next one begins: a request that is sent later would go out beside another.
    end: Instant,
    /// At which it is sent, in requests a second, as far as the service limits it.
    rate: f64,
}

impl Slot {
    pub(super) fn is_over(self, now: Instant) -> bool {
        now >= self.end
    }
}

/// How many events there were lately, without a lock. Where threads meet it may lose one: it is an
/// estimate.
#[derive(Debug)]
struct RecentCount {
    begin: Instant,
    /// Of tenths of a second: in the high half which one, in the low half how many events.
    tenths: [AtomicU64; 16],
}

impl RecentCount {
    fn new(begin: Instant) -> Self {
        Self {
            begin,
            tenths: Default::default(),
        }
    }

    /// Since `begin`.
    fn tenth(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.begin).as_millis() as u64 / 100
    }

    fn add(&self, at: Instant) {
        let tenth = self.tenth(at);
        let place = &self.tenths[tenth as usize % self.tenths.len()];
        let before = place.load(Ordering::Relaxed);
        let count = if before >> 32 == tenth {
            before + 1
        } else {
            tenth << 32 | 1
        };
        place.store(count, Ordering::Relaxed);
    }

    fn in_the_last_second(&self, now: Instant) -> u32 {
        let newest = self.tenth(now);
        let counts = self
            .tenths
            .iter()
            .map(|place| place.load(Ordering::Relaxed));
        counts
            .filter(|count| (newest.saturating_sub(9)..=newest).contains(&(count >> 32)))
            .map(|count| count as u32)
            .sum()
    }
}
