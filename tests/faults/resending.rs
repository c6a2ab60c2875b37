//! Requests that are refused for something else than themselves and sent again at once: the client's
//! clock was wrong, or its authorization has been replaced meanwhile.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use koodrive::client::Client;
use koodrive::error::ErrorKind;
use koodrive::report::Outcome;
use time::OffsetDateTime;

use crate::answers::{framed, refusal, success};
use crate::client::{client, config, delete_with, with_attempts};
use crate::peer::{Over, Peer, Request};

const HOUR: Duration = Duration::from_secs(3600);

fn date(time: SystemTime) -> String {
    format!("Date: {}\r\n", httpdate::fmt_http_date(time))
}

/// Whether a service whose clock is right takes the request's `X-Date`.
fn is_on_time(request: &Request) -> bool {
    let text = request.header("x-date").expect("an X-Date");
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().expect("digits");
    let date = time::Date::from_calendar_date(
        number(0..4) as i32,
        (number(4..6) as u8).try_into().expect("a month"),
        number(6..8) as u8,
    );
    let seconds = number(9..11) * 3600 + number(11..13) * 60 + number(13..15);
    let signed = date
        .expect("a day")
        .midnight()
        .assume_utc()
        .unix_timestamp()
        + seconds;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    (now - 900..=now).contains(&signed)
}

/// What a service without a `Date` answers.
fn judge(request: &Request) -> Vec<u8> {
    match is_on_time(request) {
        true => success(request),
        false => refusal("401 Unauthorized", ""),
    }
}

/// A cache's date in an answer that is not about the authorization teaches nothing.
#[test]
fn a_stale_date_in_passing_does_not_move_the_clock() {
    for status in [
        "429 X", "404 X", "403 X", "409 X", "425 X", "503 X", "200 OK",
    ] {
        let peer = Peer::start(Over::Plain, move |mut visit| {
            let mut is_first = visit.index == 0;
            while let Some(request) = visit.request() {
                match std::mem::take(&mut is_first) {
                    true => visit.send(refusal(status, &date(SystemTime::now() - HOUR))),
                    false => visit.send(judge(&request)),
                };
            }
        });
        let client = client(&with_attempts(config(&peer), 2));
        delete_with(&client, &["1"]);
        delete_with(&client, &["2"]).expect_in(status, Outcome::Deleted, None);
        assert!(peer.requests().iter().all(is_on_time), "{status}");
    }
}

/// A stale date in a 401 is tried once, and dropped when it does not help.
#[test]
fn a_wrong_correction_is_dropped() {
    let peer = Peer::start(Over::Plain, |mut visit| {
        let mut is_first = visit.index == 0;
        while let Some(request) = visit.request() {
            match std::mem::take(&mut is_first) {
                true => visit.send(refusal("401 X", &date(SystemTime::now() - HOUR))),
                false => visit.send(judge(&request)),
            };
        }
    });
    let client = client(&config(&peer));
    delete_with(&client, &["1"]).expect(Outcome::Rejected, ErrorKind::Unauthorized);
    assert_eq!(peer.requests().len(), 2);
    delete_with(&client, &["2"]).expect(Outcome::Deleted, None);
    assert_eq!(peer.requests().len(), 3);
}

/// A service that is a day later in each of its refusals.
/// A correction with which a request was carried out stays, whatever is refused later.
#[test]
fn a_good_correction_stays() {
    let peer = Peer::start(Over::Plain, |mut visit| {
        let mut count = 0;
        while let Some(request) = visit.request() {
            count += 1;
            match count {
                1 => visit.send(refusal("401 X", &date(SystemTime::now() + HOUR))),
                3 => visit.send(refusal("400 X", "")),
                _ => visit.send(success(&request)),
            };
        }
    });
    let client = client(&config(&peer));
    delete_with(&client, &["1"]).expect(Outcome::Deleted, None);
    delete_with(&client, &["2"]).expect(Outcome::Rejected, ErrorKind::Service);
    delete_with(&client, &["3"]).expect(Outcome::Deleted, None);
    let requests = peer.requests();
    assert!(is_on_time(&requests[0]));
    assert!(!is_on_time(&requests[3]), "it follows the service's clock");
}

fn refusing_by_a_runaway_date(status: &'static str, body: &'static str) -> Peer {
    Peer::start(Over::Plain, move |mut visit| {
        let mut days = 0;
        while visit.request().is_some() {
            days += 1;
            let headers = date(SystemTime::now() + HOUR * 24 * days);
            visit.send(framed(status, &headers, body));
        }
    })
}

/// A date that keeps running away is followed once for each attempt.
#[test]
fn a_request_is_corrected_once() {
    let peer = refusing_by_a_runaway_date(
        "401 Unauthorized",
        r#"{"error_code":"APIGW.0308","error_msg":"refused"}"#,
    );
    let run = delete_with(&client(&config(&peer)), &["1"]);
    run.expect(Outcome::Rejected, ErrorKind::Unauthorized);
    assert_eq!(peer.requests().len(), 2);
}

/// A date that keeps running away costs no more than halving may.
#[test]
fn corrections_count_as_extra_requests() {
    let body = r#"{"code":13000102,"msg":"Parameter check failed."}"#;
    let peer = refusing_by_a_runaway_date("400 Bad Request", body);
    let ids: Vec<_> = (0..100).map(|id| id.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let run = delete_with(&client(&config(&peer)), &ids);
    run.expect(Outcome::Rejected, ErrorKind::Service);
    assert_eq!(peer.requests().len(), 31);
}

/// A service that knows only `good`; while it handles the first request, the client gets that token.
fn renewed_under_way(good: &'static str) -> (Peer, Arc<OnceLock<Client>>) {
    let holder = Arc::new(OnceLock::<Client>::new());
    let client_of = Arc::clone(&holder);
    let peer = Peer::start(Over::Plain, move |mut visit| {
        while let Some(request) = visit.request() {
            let client = client_of.get().expect("a client");
            client.set_access_token("new").expect("a token");
            let given = request.header("authorization").expect("a header");
            match given == format!("Bearer {good}") {
                true => visit.send(success(&request)),
                false => visit.send(refusal("401 Unauthorized", "")),
            };
        }
    });
    let _ = holder.set(client(&config(&peer)));
    (peer, holder)
}

#[test]
fn the_refusal_of_a_token_that_was_replaced_meanwhile_stops_nothing() {
    let (peer, client) = renewed_under_way("new");
    let run = delete_with(client.get().expect("a client"), &["1"]);
    run.expect(Outcome::Deleted, None);
    assert_eq!(peer.requests().len(), 2);
}

#[test]
fn a_new_token_that_is_refused_too_stops_the_run() {
    let (peer, client) = renewed_under_way("another");
    let run = delete_with(client.get().expect("a client"), &["1"]);
    run.expect(Outcome::Rejected, ErrorKind::Unauthorized);
    assert_eq!(peer.requests().len(), 2);
}
