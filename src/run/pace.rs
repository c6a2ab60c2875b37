//! How fast a client may send, over all its runs: the caller's rate limit, and the pauses that the
//! service asks for.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Longer than any run lives; sums of it don't overflow.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Shared by a client's runs.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Between two requests.
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next_slot: Option<Instant>,
    paused_until: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(max_requests_per_second: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(max_requests_per_second);
        Self {
            interval: interval.unwrap_or_default(),
            state: Mutex::default(),
        }
    }

    /// Takes the next free moment to send.
    pub(super) fn reserve(&self, now: Instant) -> Instant {
        if self.interval.is_zero() {
            return now;
        }
        let mut state = self.state();
        let slot = state.next_slot.map_or(now, |next| next.max(now));
        state.next_slot = Some(slot + self.interval);
        slot
    }

    /// The service asked to be left alone for this long.
    pub(super) fn pause(&self, now: Instant, pause: Duration) {
        let until = now + pause.min(FAR);
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
