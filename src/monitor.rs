//! Watch a run and cancel it, from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use crate::error::Error;

/// Watches one run at a time. Clones watch the same run.
#[derive(Clone, Debug, Default)]
pub struct Monitor(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// How often `cancel` was called, up to 2.
    cancels: AtomicU8,
    done: AtomicUsize,
    total: AtomicUsize,
    in_use: AtomicBool,
}

impl Monitor {
    /// Asks the run to stop: nothing new is sent, responses under way are awaited. A second call
    /// abandons those too. Only atomic operations: safe in a signal handler.
    pub fn cancel(&self) {
        let once_more = |cancels: u8| Some((cancels + 1).min(2));
        let _ = self
            .0
            .cancels
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, once_more);
    }

    /// Whether `cancel` was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancels.load(Ordering::Relaxed) >= 1
    }

    /// Whether `cancel` was called twice.
    pub fn is_abandoned(&self) -> bool {
        self.0.cancels.load(Ordering::Relaxed) >= 2
    }

    /// How many ids of the run have their outcome.
    pub fn scopes_done(&self) -> usize {
        self.0.done.load(Ordering::Relaxed)
    }

    /// How many ids the run has.
    pub fn scopes_total(&self) -> usize {
        self.0.total.load(Ordering::Relaxed)
    }

    /// Takes the monitor for a run of `total` ids and resets its counts.
    pub(crate) fn watch(&self, total: usize) -> Result<Watch<'_>, Error> {
        if self.0.in_use.swap(true, Ordering::Acquire) {
            return Err(Error::invalid(
                "monitor: it watches another run; a monitor serves one run at a time",
            ));
        }
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
        Ok(Watch(self))
    }
}

/// A run's hold on its monitor; dropping it frees the monitor for the next run.
pub(crate) struct Watch<'a>(&'a Monitor);

impl Watch<'_> {
    pub(crate) fn add_done(&self, scopes: usize) {
        self.0.0.done.fetch_add(scopes, Ordering::Relaxed);
    }

    pub(crate) fn monitor(&self) -> &Monitor {
        self.0
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.0.in_use.store(false, Ordering::Release);
    }
}
