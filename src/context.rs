//! What every call on the way to the service carries: until when it may go on, and who may end it
//! before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::failure::FailureKind;
use crate::monitor::Monitor;

/// The deadline of one call, and its cancellation.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// When to give up.
    pub deadline: Instant,
    cancellation: Cancellation,
    purpose: Purpose,
}

/// What a call is for.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// A connection, or anything else that may be begun again.
    Preparation,
    /// The response of a request that may have been executed.
    Response,
}

/// Who may end a run's calls: its caller, by the monitor, and the run itself when it stops.
#[derive(Clone, Debug)]
pub(crate) struct Cancellation {
    monitor: Monitor,
    stopped: Arc<AtomicBool>,
}

impl Cancellation {
    pub(crate) fn new(monitor: Monitor) -> Self {
        Self {
            monitor,
            stopped: Arc::default(),
        }
    }

    /// The context of what prepares a request. It ends with the run.
    pub(crate) fn preparation(&self, deadline: Instant) -> CallContext {
        self.context(deadline, Purpose::Preparation)
    }

    /// The context of a request. Its response is the truth, so that it is awaited until the caller
    /// cancels a second time.
    pub(crate) fn response(&self, deadline: Instant) -> CallContext {
        self.context(deadline, Purpose::Response)
    }

    fn context(&self, deadline: Instant, purpose: Purpose) -> CallContext {
        CallContext {
            deadline,
            cancellation: self.clone(),
            purpose,
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.monitor.is_cancelled()
    }

    /// The run stops.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Whether nothing new may be begun.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_cancelled() || self.is_stopped()
    }
}

impl CallContext {
    /// Whether to give up at once.
    pub fn is_cancelled(&self) -> bool {
        match self.purpose {
            Purpose::Preparation => self.cancellation.is_stopping(),
            Purpose::Response => self.cancellation.monitor.is_abandoned(),
        }
    }

    /// Why to give up now, if so.
    pub(crate) fn exhausted(&self) -> Option<FailureKind> {
        if self.is_cancelled() {
            Some(FailureKind::Cancelled)
        } else if Instant::now() >= self.deadline {
            Some(FailureKind::TimedOut)
        } else {
            None
        }
    }
}
