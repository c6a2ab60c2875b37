//! How long to wait between attempts of a request.

use std::time::Duration;

const BASE: Duration = Duration::from_millis(200);
const CAP: Duration = Duration::from_secs(20);

/// How long to wait after the given number of failed attempts: anything from nothing to an
/// exponentially growing bound ("full jitter"), so that clients do not return in step.
pub(super) fn backoff(failed_attempts: u32, random: u64) -> Duration {
    let doubled = 2_u32.saturating_pow(failed_attempts.saturating_sub(1));
    let bound = BASE.saturating_mul(doubled).min(CAP);
    bound.mul_f64(random as f64 / u64::MAX as f64)
}
