//! When to try again: backoff between attempts, and a quota that ends retry storms.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const BACKOFF_BASE: Duration = Duration::from_millis(200);
const BACKOFF_CAP: Duration = Duration::from_secs(20);
const QUOTA: u32 = 100;
const MAX_REFUSALS_IN_ROW: u32 = 20;

/// How long to wait after the given number of failed attempts: anything from nothing to an
/// exponentially growing bound ("full jitter"), so that clients do not return in step.
pub(super) fn backoff(failed_attempts: u32, random: u64) -> Duration {
    let doubled = 2_u32.saturating_pow(failed_attempts.saturating_sub(1));
    let bound = BACKOFF_BASE.saturating_mul(doubled).min(BACKOFF_CAP);
    bound.mul_f64(random as f64 / u64::MAX as f64)
}

/// Shared by a run's workers: whether going on makes sense.
pub(super) struct RetryBudget {
    /// A failed attempt takes a token, a success gives one back.
    tokens: AtomicU32,
    refusals_in_row: AtomicU32,
}

impl RetryBudget {
    pub(super) fn new() -> Self {
        Self {
            tokens: AtomicU32::new(QUOTA),
            refusals_in_row: AtomicU32::new(0),
        }
    }

    pub(super) fn succeeded(&self) {
        self.refusals_in_row.store(0, Ordering::Relaxed);
        let give_back = |tokens: u32| (tokens < QUOTA).then_some(tokens + 1);
        let _ = self
            .tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, give_back);
    }

    /// An attempt failed in a way that may pass. `false`: too many did, stop the run.
    pub(super) fn may_try_again(&self) -> bool {
        let take = |tokens: u32| tokens.checked_sub(1);
        self.tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    /// The service refused a whole request for good. `false`: too many in a row, stop the run.
    pub(super) fn may_go_on(&self) -> bool {
        self.refusals_in_row.fetch_add(1, Ordering::Relaxed) + 1 < MAX_REFUSALS_IN_ROW
    }
}
