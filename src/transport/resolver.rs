//! From a name to addresses, by the system's resolver.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::blocking::{Finished, SharedCall};
use super::of_system;
use crate::context::CallContext;
use crate::failure::{Failure, FailureKind};
use crate::sync::lock;

/// How long addresses are used again: a run's workers connect at about the same time.
const REMEMBERED: Duration = Duration::from_secs(30);

/// How long before a call its look-up may have begun for a failure to count: workers share one, but
/// what hung since an earlier call says nothing of now.
const SHARED_FAILURE: Duration = Duration::from_secs(1);

/// Looks up one name, again and again.
#[derive(Debug)]
pub(super) struct Resolver {
    host: String,
    port: u16,
    known: Mutex<Option<(Vec<SocketAddr>, Instant)>>,
    query: SharedCall<Result<Vec<SocketAddr>, Failure>>,
}

impl Resolver {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            known: Mutex::default(),
            query: SharedCall::default(),
        }
    }

    /// The name's addresses, at least one; or why there are none.
    pub(super) fn addresses(&self, context: &CallContext) -> Result<Vec<SocketAddr>, Failure> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let asked = Instant::now();
        loop {
            if let Some(addresses) = self.remembered() {
                return Ok(addresses);
            }
            let finished = self.ask(context)?;
            match finished.value {
                Ok(addresses) if finished.ended.elapsed() < REMEMBERED => {
                    *self.known() = Some((addresses.clone(), finished.ended));
                    return Ok(addresses);
                }
                Err(failure) if finished.begun + SHARED_FAILURE >= asked => return Err(failure),
                // A response to an earlier call, which had not waited for it.
                _ => {}
            }
        }
    }

    /// Forgets what is known, for none of it let us connect.
    pub(super) fn forget(&self) {
        *self.known() = None;
    }

    fn ask(
        &self,
        context: &CallContext,
    ) -> Result<Finished<Result<Vec<SocketAddr>, Failure>>, Failure> {
        let (host, port) = (self.host.clone(), self.port);
        let response = self
            .query
            .wait(context, move || resolve(&host, port))
            .map_err(|error| of_system("can't start a thread for the look-up", &error))?;
        response.ok_or_else(|| {
            let message = format!("no response to the look-up of {}", self.host);
            Failure::unsent(FailureKind::Unreachable, message)
        })
    }

    fn remembered(&self) -> Option<Vec<SocketAddr>> {
        let known = self.known();
        let fresh = known
            .as_ref()
            .filter(|(_, since)| since.elapsed() < REMEMBERED);
        fresh.map(|(addresses, _)| addresses.clone())
    }

    fn known(&self) -> MutexGuard<'_, Option<(Vec<SocketAddr>, Instant)>> {
        lock(&self.known)
    }
}

fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    match (host, port).to_socket_addrs() {
        Ok(found) => {
            let addresses: Vec<_> = found.collect();
            if addresses.is_empty() {
                let message = format!("{host} has no address");
                return Err(Failure::unsent(FailureKind::Unreachable, message));
            }
            Ok(addresses)
        }
        Err(error) => Err(of_system(&format!("can't look up {host}"), &error)),
    }
}
