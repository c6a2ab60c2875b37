//! Watch a run and cancel it, from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use crate::error::Error;
use crate::event::{Event, EventQueue};

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
    requests: AtomicU64,
    retries: AtomicU64,
    throttles: AtomicU64,
    events: EventQueue,
}

/// More events would take gigabytes.
const MAX_EVENTS: usize = 1 << 24;

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

    /// How many requests the run has sent, tries that failed included.
    pub fn requests_sent(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// How often a request of the run had to be sent again.
    pub fn retries(&self) -> u64 {
        self.0.retries.load(Ordering::Relaxed)
    }

    /// How often the service refused a request of the run for its rate.
    pub fn throttles(&self) -> u64 {
        self.0.throttles.load(Ordering::Relaxed)
    }

    /// Keeps the latest `capacity` events of runs that begin from now on; those that are kept by now go.
    pub fn keep_events(&self, capacity: usize) -> Result<(), Error> {
        if capacity > MAX_EVENTS {
            return Err(Error::invalid(format!(
                "capacity: must not be more than {MAX_EVENTS}"
            )));
        }
        // As a run would: none may begin meanwhile.
        let _hold = self.hold("a run goes on: events are kept from before it")?;
        self.0.events.keep(capacity);
        Ok(())
    }

    /// Takes the oldest event that is kept.
    pub fn next_event(&self) -> Option<Event> {
        self.0.events.pop()
    }

    /// How many events went because there was no room, since `keep_events`.
    pub fn events_dropped(&self) -> usize {
        self.0.events.dropped()
    }

    pub(crate) fn keeps_events(&self) -> bool {
        self.0.events.keeps_any()
    }

    pub(crate) fn push_event(&self, event: Event) {
        self.0.events.push(event);
    }

    pub(crate) fn count_request(&self) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_retry(&self) {
        self.0.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_throttle(&self) {
        self.0.throttles.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the monitor for a run of `total` ids and resets its counts.
    pub(crate) fn watch(&self, total: usize) -> Result<Watch<'_>, Error> {
        let watch = self.hold("it watches another run; a monitor serves one run at a time")?;
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
        for count in [&self.0.requests, &self.0.retries, &self.0.throttles] {
            count.store(0, Ordering::Relaxed);
        }
        Ok(watch)
    }

    fn hold(&self, otherwise: &str) -> Result<Watch<'_>, Error> {
        match self.0.in_use.swap(true, Ordering::Acquire) {
            true => Err(Error::invalid(format!("monitor: {otherwise}"))),
            false => Ok(Watch(self)),
        }
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
