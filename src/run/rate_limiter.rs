//! How fast a client may send, over all its runs: the caller's rate limit, and the pauses that the
//! service asks for.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The longest pause that is kept: a service that asks for more ends the run instead, and holds up
/// no other.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Shared by a client's runs.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    /// Between two requests.
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next_slot: Option<Instant>,
    paused_until: Option<Instant>,
}

impl RateLimiter {
    pub(crate) fn new(max_requests_per_second: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(max_requests_per_second);
        Self {
            interval: interval.unwrap_or_default(),
            state: Mutex::default(),
        }
    }

    /// Whether requests need a slot.
    pub(super) fn is_limited(&self) -> bool {
        !self.interval.is_zero()
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
        let end = if is_late { now } else { slot } + self.interval;
        state.next_slot = Some(end);
        Ok(Slot { end })
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The right to send one request.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    /// When the next one begins: a request that is sent later would go out beside another.
    end: Instant,
}

impl Slot {
    pub(super) fn is_over(self, now: Instant) -> bool {
        now >= self.end
    }
}
