//! An embedded KooDrive, for tests, demos and users' own integration tests: real HTTP/1.1 on loopback,
//! the vendor's page to the letter, a ledger of all that was received and deleted, faults on request.
//!
//! ```
//! use koodrive_sandbox::{Fault, Options, Rule, Sandbox};
//!
//! # fn main() -> std::io::Result<()> {
//! let sandbox = Sandbox::start(Options::default())?;
//! sandbox.set_faults(vec![Rule::during(0..1, Fault::LoseAnswer)]);
//! // ... let a client work on sandbox.url() ...
//! assert_eq!(sandbox.totals().deleted, 0);
//! # Ok(())
//! # }
//! ```
//!
//! The map, in the order that data flows:
//!
//! - `server`: connections; `wire`: their bytes, where answers are cut, dripped and reset; `tls`
//! - `shared`: the service behind its lock
//! - `service`: the API reference's rules, with `request` (what is asked), `clock` (`X-Date`), `access` and
//!   `signature` (who may), `scopes`, `inventory` and `id` (what exists), `answer` (what is said)
//! - `faults`: what goes wrong on request
//! - `limit`: how many requests pass
//! - `ledger`: what is remembered
//! - `control`: `/sandbox/*`, the same over HTTP
//! - `options`: what a sandbox is started with

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod access;
mod answer;
mod clock;
mod control;
mod faults;
mod id;
mod inventory;
mod ledger;
mod limit;
mod options;
mod request;
mod scopes;
mod server;
mod service;
mod shared;
mod signature;
mod tls;
mod wire;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::oneshot;

pub use answer::Shape;
pub use faults::{Fault, Match, Rule};
pub use id::Id;
pub use inventory::{Device, DeviceDetails, Scope};
pub use ledger::{Ledger, Request, Totals};
pub use limit::RateLimit;
pub use options::{App, DateHeader, Options, Rejection, Token};
pub use scopes::{ScopeSource, generated_device_id, generated_scope_id, generated_user_id};

use service::Service;
use shared::Shared;
use tls::Identity;

/// A running sandbox. Dropping it closes its connections and its port.
pub struct Sandbox {
    url: String,
    ca_pem: Option<String>,
    shared: Arc<Shared>,
    /// Dropping the sender stops the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox on a thread of its own; it accepts connections when this returns.
    pub fn start(options: Options) -> io::Result<Self> {
        let identity = options.tls.then(Identity::new).transpose();
        let identity = identity.map_err(io::Error::other)?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", options.port)))?;
        let port = listener.local_addr()?.port();

        let shared = Arc::new(Shared::new(Service::new(options)));
        let (acceptor, ca_pem) = identity.map(|own| (own.acceptor, own.ca_pem)).unzip();
        let (stop, stopped) = oneshot::channel();
        runtime.spawn(server::run(listener, acceptor, shared.clone()));
        let thread = thread::Builder::new()
            .name("koodrive-sandbox".to_owned())
            .spawn(move || {
                // Whether a word or the sender's end: both mean stop.
                let _ = runtime.block_on(stopped);
            })?;
        Ok(Self {
            url: match ca_pem {
                Some(_) => format!("https://localhost:{port}"),
                None => format!("http://127.0.0.1:{port}"),
            },
            ca_pem,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The base URL, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate that clients should trust, in PEM; `None` without TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// All that was received so far.
    pub fn ledger(&self) -> Ledger {
        self.shared.lock().book.snapshot()
    }

    /// The ledger's totals alone: cheap however long the ledger is.
    pub fn totals(&self) -> Totals {
        self.shared.lock().book.totals.clone()
    }

    /// Waits until the totals are as wanted; `false` if `limit` is over before.
    pub fn wait_for(&self, limit: Duration, wanted: impl Fn(&Totals) -> bool) -> bool {
        self.shared.wait_for(limit, wanted)
    }

    /// Whether a scope exists.
    pub fn exists(&self, user: &str, device: &str, id: &str) -> bool {
        let service = self.shared.lock();
        service.scopes.exists(user, device, &Id::from(id))
    }

    /// How many scopes exist; `None` where every id does. With [`ScopeSource::Auto`], only devices
    /// that something was to be deleted from are counted.
    pub fn scope_count(&self) -> Option<u64> {
        self.shared.lock().scopes.count()
    }

    /// The scopes that were deleted so far: of each user, of each device.
    pub fn deleted(&self) -> HashMap<String, HashMap<String, Vec<String>>> {
        self.shared.lock().scopes.deleted()
    }

    /// Sets the faults from here on, in place of those before.
    pub fn set_faults(&self, rules: Vec<Rule>) {
        self.shared.change(|service| service.set_faults(rules));
    }

    /// Makes everything as it was at the start: scopes, tokens, faults, and an empty ledger.
    pub fn reset(&self) {
        self.shared.change(Service::reset);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was printed where it happened.
            let _ = thread.join();
        }
    }
}
