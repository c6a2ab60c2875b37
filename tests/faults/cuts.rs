//! Every step of an exchange failed in turn: a relay cuts the connection after N bytes in one
//! direction, for every N. What the run says must agree with the ledger of the service behind it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::report::Outcome;
use koodrive_sandbox::{Options, Sandbox};

use crate::client::{DEVICE, USER, client, delete_with, with_defaults};
use crate::identity;
use crate::peer::PATIENCE;

/// Which bytes are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Direction {
    ToService,
    ToClient,
}

/// Hands bytes on, up to a limit; what would pass it cuts the connection.
struct Relay {
    address: SocketAddr,
    limit: Arc<AtomicUsize>,
    was_cut: Arc<AtomicBool>,
}

impl Relay {
    fn start(target: SocketAddr, direction: Direction) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let relay = Self {
            address: listener.local_addr().expect("an address"),
            limit: Arc::default(),
            was_cut: Arc::default(),
        };
        let (limit, was_cut) = (Arc::clone(&relay.limit), Arc::clone(&relay.was_cut));
        // It lives as long as the test's process: it only waits.
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let Ok(service) = TcpStream::connect(target) else {
                    return;
                };
                for socket in [&client, &service] {
                    let _ = socket.set_nodelay(true);
                }
                let (client, service) = (Arc::new(client), Arc::new(service));
                for (from, to, counted) in [
                    (&client, &service, direction == Direction::ToService),
                    (&service, &client, direction == Direction::ToClient),
                ] {
                    let limit = match counted {
                        true => limit.load(Ordering::SeqCst),
                        false => usize::MAX,
                    };
                    let (from, to) = (Arc::clone(from), Arc::clone(to));
                    let was_cut = Arc::clone(&was_cut);
                    thread::spawn(move || hand_on(&from, &to, limit, &was_cut));
                }
            }
        });
        relay
    }

    /// The limit for the next connection.
    fn cut_after(&self, limit: usize) {
        self.limit.store(limit, Ordering::SeqCst);
        self.was_cut.store(false, Ordering::SeqCst);
    }

    fn was_cut(&self) -> bool {
        self.was_cut.load(Ordering::SeqCst)
    }
}

fn hand_on(mut from: &TcpStream, mut to: &TcpStream, mut left: usize, was_cut: &AtomicBool) {
    let mut buffer = [0; 4096];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        let passed = count.min(left);
        left -= passed;
        // Before the last bytes pass: who sees them may ask.
        if passed < count {
            was_cut.store(true, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..passed]).is_err() || passed < count {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// One deletion through the relay, cut after each number of bytes until it passes whole.
fn cut_at_each_byte(tls: bool, direction: Direction) {
    let sandbox = Sandbox::start(Options {
        tls,
        ..Options::default()
    });
    let sandbox = sandbox.expect("a sandbox");
    let port = sandbox.url().rsplit(':').next().expect("a port");
    let target = SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
    let relay = Relay::start(target, direction);
    let config = match sandbox.ca_pem() {
        Some(pem) => identity::config_trusting(pem),
        None => Config::new(),
    };
    let scheme = if tls { "https" } else { "http" };
    let url = format!("{scheme}://localhost:{}", relay.address.port());
    let config = with_defaults(config, &url);
    for limit in 0.. {
        relay.cut_after(limit);
        let case = format!("{direction:?}, cut after {limit} bytes, TLS: {tls}");
        // A client of its own: TLS must not resume a session.
        if !delete_and_compare(&case, &client(&config), &sandbox, limit, &relay) {
            assert!(limit > 100, "{case}: nothing was cut");
            return;
        }
    }
}

/// Whether the connection was cut.
#[track_caller]
fn delete_and_compare(
    case: &str,
    client: &Client,
    sandbox: &Sandbox,
    limit: usize,
    relay: &Relay,
) -> bool {
    sandbox.reset();
    let id = (1_842_846_715_527_366_528 + limit).to_string();
    let run = delete_with(client, &[&id]);
    let outcome = run.outcomes[0];
    if !relay.was_cut() {
        assert_eq!(outcome, Outcome::Deleted, "{case}: {run:?}");
        return false;
    }
    // What the service got it has got by then, and dealt with.
    assert!(sandbox.wait_for(PATIENCE, |totals| totals.open_connections == 0));
    let ledger = sandbox.ledger();
    match outcome {
        Outcome::NotSent => assert!(ledger.requests.is_empty(), "{case}: {run:?}"),
        Outcome::Unknown => {}
        // The cut came after the answer's last byte: of TLS's own end, for instance.
        Outcome::Deleted => assert!(!sandbox.exists(USER, DEVICE, &id), "{case}: {run:?}"),
        _ => panic!("{case}: {run:?}"),
    }
    if outcome != Outcome::Deleted {
        let kind = run.kind();
        let expected = [
            Some(ErrorKind::Unreachable),
            Some(ErrorKind::InvalidResponse),
        ];
        assert!(expected.contains(&kind), "{case}: {run:?}");
    }
    assert!(run.elapsed < Duration::from_secs(10), "{case}: {run:?}");
    true
}

#[test]
fn plain_to_service() {
    cut_at_each_byte(false, Direction::ToService);
}

#[test]
fn plain_to_client() {
    cut_at_each_byte(false, Direction::ToClient);
}

#[test]
fn tls_to_service() {
    cut_at_each_byte(true, Direction::ToService);
}

#[test]
fn tls_to_client() {
    cut_at_each_byte(true, Direction::ToClient);
}
