//! What KooDrive speaks. The rules are those of the vendor's API reference, "Deleting Backup Scopes";
//! what it leaves open is read conservatively.

mod attempt;
mod body;
mod clock;
pub(crate) mod code;
mod id_matcher;
mod json;
mod list;
mod redactor;
mod request;
mod response;
mod rule;
mod session;
mod signature;

use std::sync::{Arc, Mutex, MutexGuard};

use crate::credentials::{CredentialHistory, Credentials};
use crate::endpoint::Endpoint;
use crate::sync::lock;
use crate::transport::{ConnectionPool, Transport};

pub(crate) use attempt::{
    Attempt, AttemptError, Coverage, Execution, FollowUp, Resend, RetryAction,
};
pub(crate) use body::FailedScope;
pub use clock::{Clock, XDate};
pub(crate) use id_matcher::IdMatch;
pub(crate) use list::ListResponse;
pub(crate) use request::{Deletion, Query, QueryOf};
pub(crate) use session::Session;
pub use signature::SigningInput;

/// The service as one client sees it.
pub(crate) struct Service {
    /// The `Host` header.
    authority: String,
    credentials: Mutex<Arc<CredentialHistory>>,
    clock: Clock,
    transport: Box<dyn Transport>,
    pool: ConnectionPool,
}

impl Service {
    pub(crate) fn new(
        endpoint: &Endpoint,
        credentials: Credentials,
        transport: Box<dyn Transport>,
        max_pooled_connections: usize,
    ) -> Self {
        Self {
            authority: endpoint.authority(),
            credentials: Mutex::new(Arc::new(CredentialHistory::new(credentials))),
            clock: Clock::default(),
            transport,
            pool: ConnectionPool::new(max_pooled_connections),
        }
    }

    /// Requests from now on are authorized like this.
    pub(crate) fn set_credentials(&self, credentials: Credentials) {
        let mut history = self.lock_credentials();
        *history = Arc::new(history.followed_by(credentials));
    }

    /// How far the service's clock is ahead of ours, in seconds, as far as it is known.
    pub(crate) fn clock_offset(&self) -> i64 {
        self.clock.offset_seconds()
    }

    fn credentials(&self) -> Arc<CredentialHistory> {
        Arc::clone(&self.lock_credentials())
    }

    fn lock_credentials(&self) -> MutexGuard<'_, Arc<CredentialHistory>> {
        lock(&self.credentials)
    }
}
