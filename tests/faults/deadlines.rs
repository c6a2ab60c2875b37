//! Peers that are slow without end: each attempt keeps to its deadline.

use std::thread;
use std::time::{Duration, Instant};

use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{raw, success};
use crate::client::{Call, SLACK, config, config_for, delete};
use crate::peer::{Over, Peer, Signal, Visit};
use crate::sending::delete_much;

const INTERVAL: Duration = Duration::from_millis(400);
const LIMIT: Duration = Duration::from_millis(1_000);

fn with_request_timeout(mut config: Config) -> Config {
    let limit = LIMIT.as_millis() as u64;
    config.set_request_timeout_ms(limit).expect("a number");
    config
}

fn with_connect_timeout(mut config: Config) -> Config {
    let limit = LIMIT.as_millis() as u64;
    config.set_connect_timeout_ms(limit).expect("a number");
    config
}

/// Over both at once, for it is mostly waiting.
fn over_both(test: impl Fn(Over) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        for over in Over::BOTH {
            scope.spawn(move || test(over));
        }
    });
}

/// Whatever follows the request, the attempt ends when its time is over, and nothing is known.
fn times_out(respond: fn(&mut Visit, Vec<u8>)) {
    over_both(|over| {
        let peer = Peer::start(over, move |mut visit| {
            if let Some(request) = visit.request() {
                respond(&mut visit, success(&request));
            }
        });
        let config = &with_request_timeout(config(&peer));
        thread::scope(|scope| {
            for call in Call::LISTS {
                scope.spawn(move || {
                    let start = Instant::now();
                    call.expect_failure(config, Outcome::Unknown, ErrorKind::TimedOut);
                    let elapsed = start.elapsed();
                    assert!((LIMIT..LIMIT + SLACK).contains(&elapsed), "{elapsed:?}");
                });
            }
            let run = delete(config, &["1"]);
            run.expect(Outcome::Unknown, ErrorKind::TimedOut);
            run.expect_time(LIMIT);
        });
    });
}

#[test]
fn silence() {
    times_out(|visit, _| visit.await_end());
}

#[test]
fn drip_in_the_head() {
    times_out(|visit, answer| visit.drip(answer, INTERVAL));
}

#[test]
fn drip_in_the_body() {
    times_out(|visit, answer| {
        let (start, rest) = answer.split_at(answer.len() - 20);
        visit.send(start);
        visit.drip(rest, INTERVAL);
    });
}

#[test]
fn drip_in_chunks() {
    times_out(|visit, _| {
        visit.send(raw("200 OK", "Transfer-Encoding: chunked\r\n", ""));
        visit.drip("1\r\n \r\n".repeat(20), INTERVAL);
    });
}

/// Bytes that come without a pause do not extend it either.
#[test]
fn endless_interim_answers() {
    times_out(|visit, _| {
        let interim = raw("103 Early Hints", "Link: <x>\r\n", "");
        visit.flood(&interim.repeat(100), usize::MAX);
    });
}

/// A reader that takes nothing: the request's end never left.
#[test]
fn a_request_that_nobody_reads() {
    over_both(|over| {
        let end = Signal::new();
        let wait = end.clone();
        let peer = Peer::start_narrow(over, move |mut visit| {
            visit.begin();
            wait.wait();
        });
        let run = delete_much(&with_request_timeout(config(&peer)));
        end.set();
        run.expect(Outcome::NotSent, ErrorKind::TimedOut);
        run.expect_time(LIMIT);
    });
}

/// The handshake counts to connecting.
#[test]
fn drip_in_the_handshake() {
    let handshakes: [&[u8]; 2] = [
        // One record that never ends.
        &[&[0x16, 3, 3, 0x40, 0][..], &[0; 100]].concat(),
        // Nothing at all.
        &[],
    ];
    for bytes in handshakes {
        let bytes = bytes.to_vec();
        let peer = Peer::start(Over::Plain, move |mut visit| {
            visit.drip(&bytes, INTERVAL);
            visit.await_end();
        });
        let url = format!("https://localhost:{}", peer.address.port());
        let run = delete(&with_connect_timeout(config_for(&url)), &["1"]);
        run.expect(Outcome::NotSent, ErrorKind::Unreachable);
        run.expect_time(LIMIT);
        assert!(run.message().contains("connect timeout"), "{run:?}");
        assert_eq!(run.report.request_count(), 0);
    }
}
