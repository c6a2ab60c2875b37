//! When a request may be sent: after its backoff, the pause that the service asked for, and at the rate
//! that the caller and the service allow.

use std::time::{Duration, Instant};

use super::Run;
use super::control::{Stop, Stopped};
use super::rate_limiter::Slot;
use crate::context::CallContext;
use crate::system::Passage;

/// A request's turn, which ends where its slot of the rate limit does.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) began: Instant,
    pub(super) slot: Option<Slot>,
}

impl Run<'_> {
    /// Waits for a turn, which comes no sooner than `not_before`.
    pub(super) fn await_turn(&self, not_before: Option<Instant>) -> Result<Turn, Stopped> {
        let limiter = self.context.rate_limiter;
        let mut now = self.await_pause(not_before)?;
        if !limiter.is_limited() {
            return Ok(Turn {
                began: now,
                slot: None,
            });
        }
        let _passage = Passage::enter(&self.rate_gate, self.context.system);
        loop {
            match limiter.take_slot(now) {
                Ok(slot) => {
                    return Ok(Turn {
                        began: now,
                        slot: Some(slot),
                    });
                }
                Err(later) => self.wait(later),
            }
            now = self.await_pause(not_before)?;
        }
    }

    /// Whether a request may still go out, after a connect that took its time.
    pub(super) fn is_still(&self, turn: Turn) -> Result<bool, Stopped> {
        let now = self.context.system.now();
        self.control.check(now)?;
        let paused_until = self.context.rate_limiter.paused_until();
        Ok(paused_until.is_none_or(|until| until <= now)
            && turn.slot.is_none_or(|slot| !slot.is_over(now)))
    }

    /// The context of a connect, which the run's end cuts short.
    pub(super) fn connect_context(&self) -> CallContext {
        let deadline = self.until(self.context.limits.connect_timeout);
        let run_deadline = self.control.deadline();
        let deadline = run_deadline.map_or(deadline, |run| run.min(deadline));
        self.control.cancellation().preparation(deadline)
    }

    /// The context of a request, which is awaited longer than the run.
    pub(super) fn request_context(&self) -> CallContext {
        let deadline = self.until(self.context.limits.request_timeout);
        self.control.cancellation().response(deadline)
    }

    fn until(&self, timeout: Duration) -> Instant {
        self.context.system.now() + timeout
    }

    /// Waits for backoff, pause and the next probe of an outage; what the clock says then.
    fn await_pause(&self, not_before: Option<Instant>) -> Result<Instant, Stopped> {
        loop {
            let now = self.context.system.now();
            self.control.check(now)?;
            let paused_until = self.context.rate_limiter.paused_until();
            let next_probe = self.health.next_probe();
            let earliest = not_before.max(paused_until).max(next_probe);
            let Some(earliest) = earliest.filter(|at| *at > now) else {
                return Ok(now);
            };
            let deadline = self.control.deadline();
            if deadline.is_some_and(|deadline| earliest >= deadline) {
                self.control.stop(Stop::DeadlinePassed);
                return Err(Stopped);
            }
            self.wait(earliest);
        }
    }

    /// Waits, unless the run ends before.
    fn wait(&self, until: Instant) {
        let deadline = self.control.deadline();
        let until = deadline.map_or(until, |deadline| deadline.min(until));
        let cancellation = self.control.cancellation();
        let system = self.context.system;
        system.wait(until, &|| cancellation.is_stopping());
    }
}
