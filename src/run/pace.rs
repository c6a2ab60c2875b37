//! The rate that the service allows, found by what it refuses: after a throttle the rate starts low and
//! doubles until the next one, from then on it follows a cubic curve around the rate that was too high
//! (CUBIC, RFC 9438).

use std::time::{Duration, Instant};

/// In requests a second: less is no use to a run.
const LOWEST_RATE: f64 = 0.2;
const LOWEST_FIRST_RATE: f64 = 1.0;
const DOUBLING_SECONDS: f64 = 0.5;
/// After which time the curve is back at the rate that was too high.
const RETURN_SECONDS: f64 = 20.0;
/// Where the curve begins, as a part of the rate that was too high.
const SMALL_CUT: f64 = 0.92;
const LARGE_CUT: f64 = 0.7;
/// A throttle so soon after a cut shows that this did not come close to what is allowed.
const SOON: Duration = Duration::from_secs(1);
/// How late a request may be for its slot and still show that the rate is what holds it.
const PROMPT: Duration = Duration::from_millis(5);

/// How fast requests may go out.
#[derive(Debug)]
pub(super) struct Pace {
    phase: Phase,
    /// What was sent before this says nothing on the rate since.
    cut_at: Instant,
    last_slot: Instant,
    /// Since the cut, as far as the rate was what held requests back.
    used: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Doubling { from: f64 },
    Curve { low: f64, high: f64 },
}

impl Pace {
    /// After the first throttle, when so many requests had been accepted in the last second.
    pub(super) fn new(now: Instant, accepted: u32) -> Self {
        Self {
            phase: Phase::Doubling {
                from: (f64::from(accepted) / 2.0).max(LOWEST_FIRST_RATE),
            },
            cut_at: now,
            last_slot: now,
            used: Duration::ZERO,
        }
    }

    /// Requests a second.
    pub(super) fn rate(&self) -> f64 {
        let seconds = self.used.as_secs_f64();
        match self.phase {
            Phase::Doubling { from } => from * (seconds / DOUBLING_SECONDS).exp2(),
            Phase::Curve { low, high } => {
                high + (high - low) * (seconds / RETURN_SECONDS - 1.0).powi(3)
            }
        }
    }

    /// A request goes out now, that could have gone out at `slot`.
    pub(super) fn sent(&mut self, now: Instant, slot: Instant) {
        // A rate that nobody uses up is not found too low.
        if now.saturating_duration_since(slot) <= PROMPT.max(self.interval()) {
            self.used += now.saturating_duration_since(self.last_slot);
        }
        self.last_slot = now;
    }

    /// Between two requests.
    pub(super) fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate())
    }

    /// The service throttled a request that was sent at this time and rate.
    pub(super) fn throttled(&mut self, now: Instant, sent: Instant, rate: f64) {
        if sent <= self.cut_at {
            return;
        }
        let (low, high) = match self.phase {
            // Half a second before, the rate was half of this.
            Phase::Doubling { .. } => (rate * 0.5, rate * 0.75),
            Phase::Curve { .. } if now - self.cut_at < SOON => (rate * LARGE_CUT, rate),
            Phase::Curve { .. } => (rate * SMALL_CUT, rate),
        };
        self.phase = Phase::Curve {
            low: low.max(LOWEST_RATE),
            high: high.max(LOWEST_RATE),
        };
        self.cut_at = now;
        self.last_slot = now;
        self.used = Duration::ZERO;
    }
}
