//! The service as the connections and the owner of the sandbox share it.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::ledger::Totals;
use crate::service::Service;

pub(crate) struct Shared {
    service: Mutex<Service>,
    changed: Condvar,
}

impl Shared {
    pub fn new(service: Service) -> Self {
        Self {
            service: Mutex::new(service),
            changed: Condvar::new(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Service> {
        self.service
            .lock()
            .expect("no holder of the service panics")
    }

    /// Changes the service, and wakes those who wait for a change.
    pub fn change<T>(&self, change: impl FnOnce(&mut Service) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until the totals are as wanted; `false` if the time is over before.
    pub fn wait_for(&self, limit: Duration, wanted: impl Fn(&Totals) -> bool) -> bool {
        let unwanted = |service: &mut Service| !wanted(&service.book.totals);
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), limit, unwanted);
        let (_service, waited) = waited.expect("no holder of the service panics");
        !waited.timed_out()
    }
}
