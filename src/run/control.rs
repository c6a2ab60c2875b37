//! What stops a run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use crate::error::{Error, ErrorKind};
use crate::monitor::Monitor;

/// Why a run starts nothing new.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    Cancelled,
    DeadlinePassed,
    Unauthorized(Error),
    Panicked,
    /// The service is down, or refuses everything.
    Hopeless(Error),
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
            Self::Panicked => 3,
            Self::PauseTooLong(_) => 4,
            Self::Hopeless(_) => 5,
        }
    }

    /// Whether it is the run's status, whatever troubled single requests.
    pub(super) fn outranks_causes(&self) -> bool {
        !matches!(self, Self::Hopeless(_) | Self::PauseTooLong(_))
    }

    pub(super) fn error(&self) -> Error {
        match self {
            Self::Cancelled => Error::new(ErrorKind::Cancelled, "the run was cancelled"),
            Self::DeadlinePassed => Error::new(ErrorKind::TimedOut, "the run timeout passed"),
            Self::Panicked => Error::new(ErrorKind::Internal, "a bug in koodrive stopped the run"),
            Self::Unauthorized(error) | Self::PauseTooLong(error) => error.clone(),
            Self::Hopeless(cause) => Error {
                message: format!(
                    "the run was stopped after too many failures: {}",
                    cause.message
                ),
                ..cause.clone()
            },
        }
    }
}

/// Shared by a run's workers and by the transport, which asks whether to go on.
pub(super) struct Control {
    monitor: Monitor,
    deadline: Option<Instant>,
    stopped: AtomicBool,
    reason: Mutex<Option<Stop>>,
}

impl Control {
    pub(super) fn new(monitor: Monitor, deadline: Option<Instant>) -> Self {
        Self {
            monitor,
            deadline,
            stopped: AtomicBool::new(false),
            reason: Mutex::new(None),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Stops the run. Of several reasons the most telling stays.
    pub(super) fn stop(&self, stop: Stop) {
        let mut reason = self.lock();
        if reason.as_ref().is_none_or(|old| stop.rank() < old.rank()) {
            *reason = Some(stop);
        }
        // Last, for whoever sees it asks for the reason.
        self.stopped.store(true, Ordering::Release);
    }

    /// Whether something new may start. To be asked only where there is something to start: what
    /// it finds becomes the reason why that was left undone.
    pub(super) fn check(&self, now: Instant) -> Result<(), Stopped> {
        if self.monitor.is_cancelled() {
            self.stop(Stop::Cancelled);
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.stop(Stop::DeadlinePassed);
        }
        match self.stopped.load(Ordering::Acquire) {
            true => Err(Stopped),
            false => Ok(()),
        }
    }

    /// Whether waits, look-ups and connects are to be abandoned.
    pub(super) fn is_stopping(&self) -> bool {
        self.monitor.is_cancelled() || self.stopped.load(Ordering::Relaxed)
    }

    /// Whether answers under way are to be abandoned too.
    pub(super) fn is_abandoned(&self) -> bool {
        self.monitor.is_abandoned()
    }

    pub(super) fn reason(&self) -> Option<Stop> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Stop>> {
        self.reason
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The run is stopped.
#[derive(Debug)]
pub(super) struct Stopped;
