//! An answer that is cut at any byte is never a success.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{chunked, framed, good_body, raw};
use crate::client::{Call, client, config, delete, with_attempts};
use crate::peer::{Over, Peer, Request, Visit};

type Answer = fn(&Request) -> Vec<u8>;

type End = fn(Visit);

/// How a connection can end, by what carries it.
fn ends(over: Over) -> Vec<End> {
    match over {
        Over::Plain => vec![Visit::close, Visit::reset],
        Over::Tls => vec![Visit::close, Visit::cut],
    }
}

/// Cuts the answer after each number of bytes that leaves it unfinished.
fn cut_everywhere(call: Call, over: Over, answer: Answer, length: usize) {
    for end in ends(over) {
        let peer = Peer::start(over, move |mut visit| {
            if let Some(request) = visit.request() {
                visit.send(&answer(&request)[..visit.index]);
                end(visit);
            }
        });
        let client = client(&config(&peer));
        for cut in 0..length {
            let case = format!("{over:?}, cut after {cut} of {length} bytes");
            call.expect_no_success_in(&case, &client);
        }
        assert_eq!(peer.visits(), length);
    }
}

/// That the same answer uncut is a success, so that the cuts prove something; how long it is.
fn accepted_whole(call: Call, over: Over, answer: Answer) -> usize {
    let length = Arc::new(AtomicUsize::new(0));
    let note = Arc::clone(&length);
    let peer = Peer::start(over, move |mut visit| {
        if let Some(request) = visit.request() {
            let answer = answer(&request);
            note.store(answer.len(), Ordering::SeqCst);
            visit.send(answer);
        }
        visit.close();
    });
    call.expect_success_in("uncut", &client(&config(&peer)));
    length.load(Ordering::SeqCst)
}

fn never_a_success(over: Over, answer: Answer) {
    for call in [Call::Delete, Call::ListScopes] {
        let length = accepted_whole(call, over, answer);
        cut_everywhere(call, over, answer, length);
    }
}

fn in_one(request: &Request) -> Vec<u8> {
    framed("200 OK", "", good_body(request))
}

fn in_chunks(request: &Request) -> Vec<u8> {
    chunked(good_body(request), 10)
}

fn until_close(request: &Request) -> Vec<u8> {
    raw("200 OK", "", good_body(request))
}

#[test]
fn framed_plain() {
    never_a_success(Over::Plain, in_one);
}

#[test]
fn framed_tls() {
    never_a_success(Over::Tls, in_one);
}

#[test]
fn chunked_plain() {
    never_a_success(Over::Plain, in_chunks);
}

#[test]
fn chunked_tls() {
    never_a_success(Over::Tls, in_chunks);
}

/// Without a length only the connection's end ends the answer; then its text must be whole.
#[test]
fn until_close_plain() {
    never_a_success(Over::Plain, until_close);
}

/// Over TLS the end must be the service's own word: anyone on the way can send a FIN.
#[test]
fn until_close_tls() {
    for call in Call::ALL {
        accepted_whole(call, Over::Tls, until_close);
        let peer = Peer::start(Over::Tls, move |mut visit| {
            if let Some(request) = visit.request() {
                visit.send(until_close(&request));
            }
            visit.cut();
        });
        call.expect_failure(&config(&peer), Outcome::Unknown, ErrorKind::Unreachable);
    }
}

#[test]
fn is_tried_again_on_a_new_connection() {
    for over in Over::BOTH {
        for (code, outcome) in [("15000418", Outcome::Gone), ("15000424", Outcome::Unknown)] {
            let peer = Peer::start(over, move |mut visit| {
                let Some(request) = visit.request() else {
                    return;
                };
                if visit.index == 0 {
                    let answer = in_one(&request);
                    visit.send(&answer[..answer.len() - 1]);
                    return visit.close();
                }
                let failed = format!(r#"{{"scopeId":"1","errorCode":"{code}","msg":"m"}}"#);
                let body = format!(r#"{{"code":0,"failedScopeList":[{failed}]}}"#);
                visit.send(framed("200 OK", "", body));
                visit.await_end();
            });
            let run = delete(&with_attempts(config(&peer), 2), &["1"]);
            run.expect(outcome, None);
            assert_eq!(peer.visits(), 2);
        }
    }
}
