//! Every step of an exchange failed in turn: a relay cuts the connection after N bytes in one
//! direction, for every N. What the run says must agree with the ledger of the service behind it; what is
//! listed is all that the service has.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::{Error, ErrorKind};
use koodrive::report::Outcome;
use koodrive_sandbox::{Options, Sandbox};

use crate::client::{
    DEVICE, USER, client, delete_with, list_devices, list_scopes, text, with_defaults,
};
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

/// Makes a request over the relay, which may cut it after so many bytes; whether it was cut.
type Make = fn(&str, &Client, &Sandbox, usize, &Relay) -> bool;

/// What is cut, and what there is.
#[derive(Clone, Copy)]
struct Exchange {
    make: Make,
    scopes: &'static str,
}

const DELETION: Exchange = Exchange {
    make: delete_and_compare,
    scopes: r#""everything""#,
};
const LIST_OF_DEVICES: Exchange = Exchange {
    make: list_devices_and_compare,
    scopes: SCOPES,
};
const LIST_OF_SCOPES: Exchange = Exchange {
    make: list_scopes_and_compare,
    scopes: SCOPES,
};

const SCOPES: &str = r#"{"users": {"user": {"device": {"deviceName": "Magic v3", "scopes": [
    {"scopeId": "1", "moduleCode": "101", "localPath": "/DCIM/Summer"},
    {"scopeId": "2", "moduleCode": "101", "localPath": "/DCIM/Winter"}
]}}}}"#;

fn cut_each_at_each_byte(tls: bool, direction: Direction) {
    for exchange in [DELETION, LIST_OF_DEVICES, LIST_OF_SCOPES] {
        cut_at_each_byte(exchange, tls, direction);
    }
}

/// One exchange through the relay, cut after each number of bytes until it passes whole.
fn cut_at_each_byte(exchange: Exchange, tls: bool, direction: Direction) {
    let sandbox = Sandbox::start(Options {
        tls,
        scopes: serde_json::from_str(exchange.scopes).expect("scopes"),
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
        if !(exchange.make)(&case, &client(&config), &sandbox, limit, &relay) {
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

fn list_devices_and_compare(
    case: &str,
    client: &Client,
    _: &Sandbox,
    _: usize,
    relay: &Relay,
) -> bool {
    let list = || {
        let list = list_devices(client, None)?;
        let row = |index| [list.device_id(index), list.name(index)].map(text);
        Ok((0..list.count()).map(row).collect())
    };
    list_and_compare(case, list, &[["device", "Magic v3"]], relay)
}

fn list_scopes_and_compare(
    case: &str,
    client: &Client,
    _: &Sandbox,
    _: usize,
    relay: &Relay,
) -> bool {
    let list = || {
        let list = list_scopes(client, None)?;
        let row = |index| [list.scope_id(index), list.local_path(index)].map(text);
        Ok((0..list.count()).map(row).collect())
    };
    let whole = [["1", "/DCIM/Summer"], ["2", "/DCIM/Winter"]];
    list_and_compare(case, list, &whole, relay)
}

/// The list is whole or there is none; and whole it is, when it is asked for again.
#[track_caller]
fn list_and_compare(
    case: &str,
    list: impl Fn() -> Result<Vec<[String; 2]>, Error>,
    whole: &[[&str; 2]],
    relay: &Relay,
) -> bool {
    let start = Instant::now();
    let listed = list();
    let was_cut = relay.was_cut();
    match listed {
        Ok(rows) => assert_eq!(rows, whole, "{case}"),
        Err(error) => {
            assert!(was_cut, "{case}: {error}");
            let expected = [ErrorKind::Unreachable, ErrorKind::InvalidResponse];
            assert!(expected.contains(&error.kind), "{case}: {error}");
            assert!(error.retryable, "{case}: {error}");
            relay.cut_after(usize::MAX);
            assert_eq!(list().expect(case), whole, "{case}");
        }
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{case}");
    was_cut
}

#[test]
fn plain_to_service() {
    cut_each_at_each_byte(false, Direction::ToService);
}

#[test]
fn plain_to_client() {
    cut_each_at_each_byte(false, Direction::ToClient);
}

#[test]
fn tls_to_service() {
    cut_each_at_each_byte(true, Direction::ToService);
}

#[test]
fn tls_to_client() {
    cut_each_at_each_byte(true, Direction::ToClient);
}
