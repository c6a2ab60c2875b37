//! The machine as a test sees it: how long the library waited, or a clock that goes on at once.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::endpoint::Endpoint;
use koodrive::system::{Gate, Machine, System};
use koodrive::transport::HttpTransport;

use crate::peer::Peer;

/// A client of the peer, and how long it waited each time. It draws the highest random numbers; and if
/// `skips`, waiting takes no time.
pub fn watched(config: &Config, peer: &Peer, skips: bool) -> (Client, Arc<Mutex<Vec<Duration>>>) {
    let endpoint = Endpoint::parse(&peer.url()).expect("a URL");
    let transport = HttpTransport::new(&endpoint, None, None).expect("a transport");
    let system = WatchedMachine {
        skips,
        ..WatchedMachine::default()
    };
    let waits = Arc::clone(&system.waits);
    let client = Client::with_parts(config, Box::new(transport), Box::new(system));
    (client.expect("a client"), waits)
}

/// The real machine, but for its waits.
#[derive(Default)]
struct WatchedMachine {
    machine: Machine,
    skips: bool,
    skipped: Mutex<Duration>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl System for WatchedMachine {
    fn now(&self) -> Instant {
        self.machine.now() + *self.skipped.lock().expect("a lock")
    }

    fn wall_clock(&self) -> SystemTime {
        self.machine.wall_clock()
    }

    fn uptime(&self) -> Duration {
        self.machine.uptime()
    }

    fn wait(&self, until: Instant, interrupted: &dyn Fn() -> bool) {
        let wait = until.saturating_duration_since(self.now());
        self.waits.lock().expect("a lock").push(wait);
        match self.skips {
            true => *self.skipped.lock().expect("a lock") += wait,
            false => self.machine.wait(until, interrupted),
        }
    }

    fn enter(&self, gate: &Gate) {
        self.machine.enter(gate);
    }

    fn leave(&self, gate: &Gate) {
        self.machine.leave(gate);
    }

    fn random(&self) -> u64 {
        u64::MAX
    }

    fn run_workers(&self, count: usize, work: &(dyn Fn() + Sync)) {
        self.machine.run_workers(count, work);
    }
}
