//! When a request may be sent: while the run goes on, after its backoff, the pause that the service asked for,
//! and at the rate that the caller and the service allow.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use super::RunContext;
use super::control::{Control, Stop, Stopped};
use super::events::{Again, Events, ToldRequest};
use super::health::ServiceHealth;
use super::rate_limiter::Slot;
use crate::context::CallContext;
use crate::error::Error;
use crate::monitor::Monitor;
use crate::system::{Gate, Passage};

/// A request's turn, which ends where its slot of the rate limit does.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) began: Instant,
    pub(super) slot: Option<Slot>,
}

/// What decides it, shared by the threads of one run.
pub(super) struct Dispatch<'a> {
    pub(super) context: RunContext<'a>,
    pub(super) control: Control<'a>,
    pub(super) events: Events<'a>,
    pub(super) health: ServiceHealth<'a>,
    /// While the service is in doubt one thread at a time sends.
    pub(super) probe_gate: Gate,
    /// Of the threads that wait for the rate limit one looks at the clock.
    rate_gate: Gate,
    /// How far the service's clock was said to be from ours, in seconds.
    told_clock_offset: AtomicI64,
}

impl<'a> Dispatch<'a> {
    /// Of a run that begins now.
    pub(super) fn new(context: RunContext<'a>, monitor: &'a Monitor) -> Self {
        let now = context.system.now();
        let events = Events::new(monitor, context.system, now);
        let deadline = context.limits.run_timeout.map(|timeout| now + timeout);
        Self {
            context,
            control: Control::new(monitor.clone(), deadline, events),
            events,
            health: ServiceHealth::new(now, context.limits.max_outage, events),
            probe_gate: Gate::default(),
            rate_gate: Gate::default(),
            told_clock_offset: AtomicI64::new(0),
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.context.system.now()
    }

    /// Whether the run goes on.
    pub(super) fn check(&self) -> Result<(), Stopped> {
        self.control.check(self.now())
    }

    /// Why the run does not go on.
    pub(super) fn stop_error(&self) -> Error {
        self.control.reason().unwrap_or(Stop::Panicked).error()
    }

    /// What is known of our clock changed. Of the requests that were under way only the first one tells; and none
    /// that a correction is taken back, which did not help.
    pub(super) fn clock_corrected(&self) {
        let offset = self.context.service.clock_offset();
        let told = self.told_clock_offset.swap(offset, Ordering::Relaxed);
        if offset != told && offset != 0 {
            self.events.clock_corrected(offset);
        }
    }

    /// Tells that a request will be sent again, unless the run is stopped by now.
    pub(super) fn tell_retry(&self, request: &ToldRequest<'_>, error: &Error, again: &Again) {
        if !self.control.cancellation().is_stopped() {
            let until = || {
                let limiter = self.context.rate_limiter;
                limiter.not_before().max(self.health.next_probe())
            };
            self.events.retry(request, error, again, until);
        }
    }

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
        let now = self.now();
        self.control.check(now)?;
        let paused_until = self.context.rate_limiter.paused_until();
        Ok(paused_until.is_none_or(|until| until <= now)
            && turn.slot.is_none_or(|slot| !slot.is_over(now)))
    }

    /// The context of a connect, which the run's end cuts short.
    pub(super) fn connect_context(&self) -> CallContext {
        self.preparation(self.context.limits.connect_timeout)
    }

    /// The context of a request that changes nothing, which the run's end cuts short, too.
    pub(super) fn query_context(&self) -> CallContext {
        self.preparation(self.context.limits.request_timeout)
    }

    /// The context of a deletion, which is awaited longer than the run.
    pub(super) fn deletion_context(&self) -> CallContext {
        let deadline = self.now() + self.context.limits.request_timeout;
        self.control.cancellation().response(deadline)
    }

    fn preparation(&self, timeout: Duration) -> CallContext {
        let deadline = self.now() + timeout;
        let run_deadline = self.control.deadline();
        let deadline = run_deadline.map_or(deadline, |run| run.min(deadline));
        self.control.cancellation().preparation(deadline)
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
