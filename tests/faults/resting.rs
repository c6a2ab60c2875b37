//! Connections that rest before a request goes out on them, and what may have come meanwhile.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::plan::Plan;
use koodrive::report::Outcome;

use crate::answers::{raw, refusal, success};
use crate::client::{DEVICE, client, config, config_for, delete, delete_plan, with_attempts};
use crate::identity;
use crate::peer::{Over, Peer, Visit};

const BATCH: usize = 100;

fn batches(count: usize) -> Plan {
    let ids: Vec<_> = (0..count * BATCH).map(|id| id.to_string()).collect();
    let mut plan = Plan::new();
    let ids = ids.iter().map(String::as_str);
    plan.add(None, DEVICE, ids).expect("ids");
    plan
}

/// A front that closes what has been silent for a tenth of a second.
fn impatient_front(over: Over) -> Peer {
    Peer::start(over, |mut visit| {
        let limit = Some(Duration::from_millis(100));
        visit.socket().set_read_timeout(limit).expect("a timeout");
        while let Some(request) = visit.request() {
            visit.send(success(&request));
        }
        visit.close();
    })
}

/// No request waits for its turn on an open connection.
#[test]
fn closed_while_the_rate_limit_holds_requests() {
    thread::scope(|scope| {
        for over in Over::BOTH {
            scope.spawn(move || {
                let peer = impatient_front(over);
                let mut config = config(&peer);
                config.set_max_connections(4).expect("a number");
                config.set_max_requests_per_second(4).expect("a number");
                let run = delete_plan(&client(&config), &batches(8), None);
                run.expect(Outcome::Deleted, None);
                assert_eq!(peer.requests().len(), 8, "{over:?}");
            });
        }
    });
}

#[test]
fn closed_while_a_pause_holds_requests() {
    thread::scope(|scope| {
        for over in Over::BOTH {
            scope.spawn(move || {
                let peer = Peer::start(over, |mut visit| {
                    let mut count = 0;
                    while let Some(request) = visit.request() {
                        count += 1;
                        if visit.index == 0 && count == 2 {
                            visit.send(refusal("429 Too Many Requests", "Retry-After: 1\r\n"));
                            return visit.close();
                        }
                        visit.send(success(&request));
                    }
                });
                let config = with_attempts(config(&peer), 2);
                let run = delete_plan(&client(&config), &batches(4), None);
                run.expect(Outcome::Deleted, None);
                assert_eq!(peer.requests().len(), 5, "{over:?}");
                assert_eq!(peer.visits(), 2, "{over:?}");
            });
        }
    });
}

/// What somebody may say before he was asked.
const UNASKED: [&str; 5] = [
    "400 Bad Request",
    "403 Forbidden",
    "404 Not Found",
    "408 Request Timeout",
    "429 Too Many Requests",
];

/// TLS that lets the service speak before the client's first byte: data comes with the handshake.
fn speaks_first() -> Arc<rustls::ServerConfig> {
    let mut server = (*identity::server()).clone();
    server.send_half_rtt_data = true;
    Arc::new(server)
}

/// A service that says `status` unasked on its first `unasked` connections.
fn talkative_service(unasked: usize, status: &'static str) -> Peer {
    Peer::start_as(speaks_first(), move |mut visit| {
        if visit.index < unasked {
            visit.speak_first(refusal(status, ""));
        }
        serve(visit);
    })
}

fn serve(mut visit: Visit) {
    while let Some(request) = visit.request() {
        visit.send(success(&request));
    }
}

#[test]
fn an_answer_before_the_request_is_nobodys() {
    for status in UNASKED {
        let peer = talkative_service(2, status);
        let run = delete(&config(&peer), &["1"]);
        run.expect_in(status, Outcome::Deleted, None);
        assert_eq!(peer.requests().len(), 1, "{status}");
        assert_eq!(peer.visits(), 3, "{status}");
    }
}

/// Where every connection begins like that, nothing was sent, and that is what is reported.
#[test]
fn answers_before_every_request() {
    for status in UNASKED {
        let peer = talkative_service(usize::MAX, status);
        let run = delete(&config(&peer), &["1"]);
        run.expect_in(status, Outcome::NotSent, ErrorKind::Unreachable);
        assert!(run.error.as_ref().is_some_and(|error| error.retryable));
        assert_eq!(peer.requests().len(), 0, "{status}");
    }
}

/// The same without TLS: it comes in one piece with the proxy's consent.
#[test]
fn an_answer_before_the_request_through_a_proxy() {
    for status in UNASKED {
        let proxy = Peer::start(Over::Plain, move |mut visit| {
            visit.request();
            let consent = raw("200 OK", "", "");
            match visit.index {
                0 => visit.send([consent, refusal(status, "")].concat()),
                _ => visit.send(consent),
            };
            serve(visit);
        });
        let mut config: Config = config_for("http://localhost:9");
        let url = format!("http://{}", proxy.address);
        config.set_proxy(&url).expect("a proxy");
        let run = delete(&config, &["1"]);
        run.expect_in(status, Outcome::Deleted, None);
        assert_eq!(proxy.visits(), 2, "{status}");
    }
}
