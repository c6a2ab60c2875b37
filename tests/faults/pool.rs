//! Connections kept between calls: one that is no longer good is noticed before it is used.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{deleted, framed, good_body, raw, refusal, success};
use crate::client::{Call, client, config, delete_with};
use crate::peer::{Over, PATIENCE, Peer, Signal, Visit};

/// A connection of TCP as the kernel lists it.
struct Entry {
    local: u16,
    remote: u16,
    state: String,
    unread: u64,
}

const CLOSE_WAIT: &str = "08";

/// Waits until the client's end of a connection to `peer` has got what was sent to it: a FIN or
/// bytes. The kernel knows; the client must not be asked.
fn await_arrival(peer: SocketAddr, client: SocketAddr, arrived: impl Fn(&str, u64) -> bool) {
    let give_up = Instant::now() + PATIENCE;
    let ours = |entry: &Entry| entry.local == client.port() && entry.remote == peer.port();
    loop {
        match connections().into_iter().find(ours) {
            None => return,
            Some(entry) if arrived(&entry.state, entry.unread) => return,
            Some(_) => assert!(Instant::now() < give_up, "it did not arrive"),
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn connections() -> Vec<Entry> {
    let table = fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let entry = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let port = |field: &str| u16::from_str_radix(field.rsplit_once(':')?.1, 16).ok();
        Some(Entry {
            local: port(fields[1])?,
            remote: port(fields[2])?,
            state: fields[3].to_owned(),
            unread: u64::from_str_radix(fields[4].rsplit_once(':')?.1, 16).ok()?,
        })
    };
    table.lines().skip(1).filter_map(entry).collect()
}

/// One call; then `spoil` does something to the idle connection; then another call, which must
/// succeed over a fresh one, with its only attempt. `arrived` judges the client's end by its state
/// and its unread bytes.
fn replaced(
    over: Over,
    spoil: impl Fn(Visit) + Send + Sync + 'static,
    arrived: impl Fn(&str, u64) -> bool,
) {
    let idle = Signal::new();
    let spoiled = Signal::new();
    let client_address = Arc::new(OnceLock::new());
    let (wait, done, note) = (idle.clone(), spoiled.clone(), Arc::clone(&client_address));
    let peer = Peer::start(over, move |mut visit| {
        if let Some(request) = visit.request() {
            visit.send(success(&request));
            if visit.index == 0 {
                let _ = note.set(visit.socket().peer_addr().expect("an address"));
                wait.wait();
                spoil(visit);
                done.set();
            } else {
                visit.await_end();
            }
        }
    });
    let client = client(&config(&peer));
    delete_with(&client, &["1"]).expect(Outcome::Deleted, None);
    idle.set();
    spoiled.wait();
    let client_address = client_address.get().expect("a connection");
    await_arrival(peer.address, *client_address, arrived);
    delete_with(&client, &["2"]).expect(Outcome::Deleted, None);
    assert_eq!(peer.visits(), 2, "{over:?}");
    assert_eq!(peer.requests().len(), 2, "{over:?}");
}

#[test]
fn closed_while_idle() {
    for over in Over::BOTH {
        replaced(over, Visit::close, |state, _| state == CLOSE_WAIT);
    }
}

#[test]
fn cut_while_idle() {
    for over in Over::BOTH {
        replaced(over, Visit::cut, |state, _| state == CLOSE_WAIT);
    }
}

#[test]
fn reset_while_idle() {
    // A connection that was reset leaves the kernel's table.
    for over in Over::BOTH {
        replaced(over, Visit::reset, |_, _| false);
    }
}

#[test]
fn unasked_bytes_while_idle() {
    for over in Over::BOTH {
        let unasked = |mut visit: Visit| {
            visit.send(raw("408 Request Timeout", "Content-Length: 0\r\n", ""));
            // The connection stays open for as long as the client likes.
            thread::spawn(move || visit.await_end());
        };
        replaced(over, unasked, |_, unread| unread > 0);
    }
}

#[test]
fn goodbye_while_idle() {
    let goodbye = |mut visit: Visit| {
        visit.say_goodbye();
        thread::spawn(move || visit.await_end());
    };
    replaced(Over::Tls, goodbye, |_, unread| unread > 0);
}

/// The next call takes a fresh connection after an answer that `send` sends.
fn not_reused_after(case: &str, over: Over, send: fn(&mut Visit, Vec<u8>)) {
    let peer = Peer::start(over, move |mut visit| {
        while let Some(request) = visit.request() {
            send(&mut visit, success(&request));
        }
    });
    let client = client(&config(&peer));
    for id in ["1", "2"] {
        delete_with(&client, &[id]).expect_in(case, Outcome::Deleted, None);
    }
    assert_eq!(peer.visits(), 2, "{case} over {over:?}");
}

#[test]
fn bytes_after_the_end_of_an_answer() {
    for over in Over::BOTH {
        not_reused_after("one byte more", over, |visit, answer| {
            visit.send([&answer[..], b"\n"].concat());
        });
        not_reused_after("another answer", over, |visit, answer| {
            visit.send([&answer[..], &answer].concat());
        });
    }
}

/// The answer ends where a read of ours ends, and more is known to TLS already.
#[test]
fn bytes_after_the_end_of_an_answer_inside_tls() {
    let peer = Peer::start(Over::Tls, |mut visit| {
        while let Some(request) = visit.request() {
            let body = good_body(&request);
            let bare = framed("200 OK", "A: \r\n", &body).len();
            let filler = format!("A: {}\r\n", "x".repeat(16 * 1024 - bare));
            let answer = framed("200 OK", &filler, &body);
            assert_eq!(answer.len(), 16 * 1024);
            visit.send([answer, framed("200 OK", "", deleted(&["2".into()]))].concat());
        }
    });
    let client = client(&config(&peer));
    for id in ["1", "2"] {
        delete_with(&client, &[id]).expect(Outcome::Deleted, None);
    }
    assert_eq!(peer.requests().len(), 2);
    assert_eq!(peer.visits(), 2);
}

/// The service says goodbye together with its answer, and closes the socket later.
#[test]
fn goodbye_with_the_answer() {
    not_reused_after("goodbye", Over::Tls, |visit, answer| {
        visit.send_with_goodbye(answer);
    });
}

/// A good connection is kept, or the tests above would prove nothing.
#[test]
fn reused() {
    for over in Over::BOTH {
        let peer = Peer::start(over, |mut visit| {
            while let Some(request) = visit.request() {
                visit.send(success(&request));
            }
        });
        let client = client(&config(&peer));
        for call in [Call::ALL, Call::ALL].concat() {
            call.expect_success_in("", &client);
        }
        assert_eq!(peer.visits(), 1, "{over:?}");
    }
}

/// What the service refuses, it refuses over a good connection.
#[test]
fn reused_after_a_refusal() {
    for over in Over::BOTH {
        let peer = Peer::start(over, |mut visit| {
            while visit.request().is_some() {
                visit.send(refusal("404 Not Found", ""));
            }
        });
        let client = client(&config(&peer));
        for call in [Call::ALL, Call::ALL].concat() {
            call.expect_failure_in("", &client, Outcome::Rejected, ErrorKind::Service);
        }
        assert_eq!(peer.visits(), 1, "{over:?}");
    }
}
