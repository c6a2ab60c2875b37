//! The rate that the service allows, found by what it refuses: after a throttle the rate starts low and
//! doubles until the next one, from then on it follows a cubic curve around the rate that was too high
//! (CUBIC, RFC 9438).

use std::time::{Duration, Instant};

/// In requests a second: less is no use to a run.
const LOWEST_RATE: f64 = 0.2;
const LOWEST_FIRST_RATE: f64 = 1.0;
const DOUBLING_SECONDS: f64 = 0.5;
/// Of the rate while it doubles, as an exponent for each second.
const GROWTH: f64 = std::f64::consts::LN_2 / DOUBLING_SECONDS;
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
    Curve { low: f64, high: f64, seconds: f64 },
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
            Phase::Curve {
                low,
                high,
                seconds: back,
            } => high + (high - low) * (seconds / back - 1.0).powi(3),
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
        let rate = self.rate();
        Duration::from_secs_f64(match self.phase {
            // It grows meanwhile.
            Phase::Doubling { .. } => (GROWTH / rate).ln_1p() / GROWTH,
            Phase::Curve { .. } => 1.0 / rate,
        })
    }

    /// The service throttled a request that was sent at this time and rate; `is_paused`: and asks for a
    /// pause.
    pub(super) fn throttled(&mut self, now: Instant, sent: Instant, rate: f64, is_paused: bool) {
        if sent <= self.cut_at {
            return;
        }
        let since_cut = now - self.cut_at;
        // Which rate was too high; at which part of it the curve begins, and after how many seconds it is
        // back there.
        let (high, part, seconds) = match self.phase {
            // Half a second before, the rate was half of this. If each throttle costs a pause, it is cheaper
            // to stay below.
            Phase::Doubling { .. } if is_paused => (0.55 * rate, 0.8, 5.0),
            Phase::Doubling { .. } => (0.85 * rate, 0.7, 5.0),
            // The sooner after the last cut a throttle comes, the farther is the rate from what is allowed.
            Phase::Curve { .. } if since_cut < Duration::from_secs(1) => (rate, 0.7, 5.0),
            Phase::Curve { .. } if since_cut < Duration::from_secs(5) => (rate, 0.85, 10.0),
            Phase::Curve { .. } => (rate, 0.92, 20.0),
        };
        let high = high.max(LOWEST_RATE);
        self.phase = Phase::Curve {
            low: (part * high).max(LOWEST_RATE),
            high,
            seconds,
        };
        self.cut_at = now;
        self.last_slot = now;
        self.used = Duration::ZERO;
    }
}
