//! What stops a run.

use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use super::events::Events;
use crate::context::Cancellation;
use crate::error::{Error, ErrorKind};
use crate::monitor::Monitor;
use crate::sync::lock;

/// Why a run starts nothing new.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    Cancelled,
    DeadlinePassed,
    Unauthorized(Error),
    /// The journal can't be written.
    Journal(Error),
    Panicked,
    /// The service refuses everything.
    TooManyRefusals(Error),
    /// The service is down for longer than a run waits.
    ServiceDown(Error),
    /// The service asks for a longer pause than a run waits for.
    PauseTooLong(Error),
}

impl Stop {
    /// The order in which reasons count where there are several.
    fn rank(&self) -> u8 {
        match self {
            Self::Cancelled => 0,
            Self::DeadlinePassed => 1,
            Self::Unauthorized(_) => 2,
            Self::Journal(_) => 3,
            Self::Panicked => 4,
            Self::PauseTooLong(_) => 5,
            Self::TooManyRefusals(_) | Self::ServiceDown(_) => 6,
        }
    }

    /// Whether it is the run's status, whatever troubled single requests.
    pub(super) fn outranks_causes(&self) -> bool {
        !matches!(
            self,
            Self::TooManyRefusals(_) | Self::ServiceDown(_) | Self::PauseTooLong(_)
        )
    }

    pub(super) fn error(&self) -> Error {
        match self {
            Self::Cancelled => Error::new(ErrorKind::Cancelled, "the run was cancelled"),
            Self::DeadlinePassed => Error::new(ErrorKind::TimedOut, "the run timeout passed"),
            Self::Panicked => Error::new(ErrorKind::Internal, "a bug in koodrive stopped the run"),
            Self::Unauthorized(error) | Self::Journal(error) | Self::PauseTooLong(error) => {
                error.clone()
            }
            Self::TooManyRefusals(cause) => because(
                "the run was stopped after too many refusals in a row",
                cause,
            ),
            Self::ServiceDown(cause) => because("the service is down, the run was stopped", cause),
        }
    }
}

fn because(what: &str, cause: &Error) -> Error {
    Error {
        message: format!("{what}: {}", cause.message),
        ..cause.clone()
    }
}

/// Whether a run goes on, shared by its workers.
pub(super) struct Control<'a> {
    events: Events<'a>,
    cancellation: Cancellation,
    deadline: Option<Instant>,
    reason: Mutex<Option<Stop>>,
}

impl<'a> Control<'a> {
    pub(super) fn new(monitor: Monitor, deadline: Option<Instant>, events: Events<'a>) -> Self {
        Self {
            events,
            cancellation: Cancellation::new(monitor),
            deadline,
            reason: Mutex::new(None),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }

    /// Stops the run. Of several reasons the most telling stays.
    pub(super) fn stop(&self, stop: Stop) {
        let now = self.events.now();
        let mut reason = self.lock();
        if reason.as_ref().is_none_or(|old| stop.rank() < old.rank()) {
            // Under the lock: what is told last is what stays.
            self.events.stopping(now, &stop.error());
            *reason = Some(stop);
        }
        drop(reason);
        // Last, for whoever sees it asks for the reason.
        self.cancellation.stop();
    }

    /// Whether something new may start. To be asked only where there is something to start: what
    /// it finds becomes the reason why that was left undone.
    pub(super) fn check(&self, now: Instant) -> Result<(), Stopped> {
        if self.cancellation.is_cancelled() {
            self.stop(Stop::Cancelled);
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.stop(Stop::DeadlinePassed);
        }
        match self.cancellation.is_stopped() {
            true => Err(Stopped),
            false => Ok(()),
        }
    }

    pub(super) fn reason(&self) -> Option<Stop> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Stop>> {
        lock(&self.reason)
    }
}

/// The run is stopped.
#[derive(Debug)]
pub(super) struct Stopped;
