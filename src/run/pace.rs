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

    /// Takes the right to send one request now; or says when to ask again. Nothing is taken ahead,
    /// for what a pause or a connect delays would then go out beside others.
    pub(super) fn take(&self, now: Instant) -> Result<(), Instant> {
        if self.interval.is_zero() {
            return Ok(());
        }
        let mut state = self.state();
        let slot = state.next_slot.unwrap_or(now);
        if slot > now {
            return Err(slot);
        }
        // Being a little late does not slow down the requests after it.
        let is_late = now - slot >= self.interval;
        state.next_slot = Some(if is_late { now } else { slot } + self.interval);
        Ok(())
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
