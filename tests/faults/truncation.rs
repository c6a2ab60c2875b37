//! An answer that is cut at any byte is never a success.

use std::ops::RangeInclusive;
use std::sync::Arc;

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{chunked, deleted, framed, raw};
use crate::client::{client, config, delete, delete_with, with_attempts};
use crate::peer::{Over, Peer, Visit};

const IDS: [&str; 2] = ["1", "2"];

type End = fn(Visit);

/// How a connection can end, by what carries it.
fn ends(over: Over) -> Vec<End> {
    match over {
        Over::Plain => vec![Visit::close, Visit::reset],
        Over::Tls => vec![Visit::close, Visit::cut],
    }
}

fn body() -> String {
    deleted(&IDS.map(String::from))
}

/// Cuts `answer` after each number of bytes that leaves it unfinished.
fn cut_everywhere(over: Over, answer: Vec<u8>, cuts: RangeInclusive<usize>) {
    let answer = Arc::new(answer);
    for end in ends(over) {
        let (whole, first) = (Arc::clone(&answer), *cuts.start());
        let peer = Peer::start(over, move |mut visit| {
            let cut = first + visit.index;
            if visit.request().is_some() {
                visit.send(&whole[..cut]);
                end(visit);
            }
        });
        let client = client(&config(&peer));
        for cut in cuts.clone() {
            let run = delete_with(&client, &IDS);
            let case = format!("{over:?}, cut after {cut} of {} bytes", answer.len());
            assert_eq!(run.outcomes, [Outcome::Unknown; 2], "{case}: {run:?}");
            let kind = run.kind().expect("an error");
            assert!(
                matches!(kind, ErrorKind::Unreachable | ErrorKind::InvalidResponse),
                "{case}: {run:?}"
            );
        }
        assert_eq!(peer.visits(), cuts.clone().count());
    }
}

/// That the same answer uncut is a success, so that the cuts prove something.
fn accepted_whole(over: Over, answer: Vec<u8>) {
    let peer = Peer::start(over, move |mut visit| {
        visit.request();
        visit.send(&answer);
        visit.close();
    });
    delete(&config(&peer), &IDS).expect(Outcome::Deleted, None);
}

fn never_a_success(over: Over, answer: Vec<u8>, last_cut: usize) {
    accepted_whole(over, answer.clone());
    cut_everywhere(over, answer, 0..=last_cut);
}

#[test]
fn framed_plain() {
    let answer = framed("200 OK", "", body());
    let last = answer.len() - 1;
    never_a_success(Over::Plain, answer, last);
}

#[test]
fn framed_tls() {
    let answer = framed("200 OK", "", body());
    let last = answer.len() - 1;
    never_a_success(Over::Tls, answer, last);
}

#[test]
fn chunked_plain() {
    let answer = chunked(body(), 10);
    let last = answer.len() - 1;
    never_a_success(Over::Plain, answer, last);
}

#[test]
fn chunked_tls() {
    let answer = chunked(body(), 10);
    let last = answer.len() - 1;
    never_a_success(Over::Tls, answer, last);
}

/// Without a length only the connection's end ends the answer; then its text must be whole.
#[test]
fn until_close_plain() {
    let answer = raw("200 OK", "", body());
    let last = answer.len() - 1;
    never_a_success(Over::Plain, answer, last);
}

/// Over TLS the end must be the service's own word: anyone on the way can send a FIN.
#[test]
fn until_close_tls() {
    let answer = raw("200 OK", "", body());
    accepted_whole(Over::Tls, answer.clone());
    let peer = Peer::start(Over::Tls, move |mut visit| {
        visit.request();
        visit.send(&answer);
        visit.cut();
    });
    delete(&config(&peer), &IDS).expect(Outcome::Unknown, ErrorKind::Unreachable);
}

#[test]
fn is_tried_again_on_a_new_connection() {
    for over in Over::BOTH {
        for (code, outcome) in [("15000418", Outcome::Gone), ("15000424", Outcome::Unknown)] {
            let peer = Peer::start(over, move |mut visit| {
                visit.request();
                if visit.index == 0 {
                    let answer = framed("200 OK", "", body());
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
