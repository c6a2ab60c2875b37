//! Retry-After: all workers pause, and none of them comes back early.

use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant, SystemTime};

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{refusal, success};
use crate::client::{client, config, delete, delete_with, with_attempts};
use crate::peer::{Over, Peer};

const WORKERS: usize = 4;
const PAUSE: Duration = Duration::from_secs(2);

/// `Retry-After` as a date, `PAUSE` from a service's clock that says `now`.
fn as_date(now: SystemTime) -> String {
    let date = |time| httpdate::fmt_http_date(time);
    format!(
        "Date: {}\r\nRetry-After: {}\r\n",
        date(now),
        date(now + PAUSE)
    )
}

/// Each worker is told to wait, one of them for longer than the others: that one counts for all.
fn not_undercut(status: &'static str, longest: impl Fn() -> String + Send + Sync + 'static) {
    let all_have_asked = Barrier::new(WORKERS);
    let paused_since = Arc::new(Mutex::new(None));
    let note = Arc::clone(&paused_since);
    let peer = Peer::start(Over::Plain, move |mut visit| {
        if visit.request().is_none() {
            return;
        }
        all_have_asked.wait();
        if visit.index == 0 {
            *note.lock().expect("a lock") = Some(Instant::now());
            visit.send(refusal(status, &longest()));
        } else {
            visit.send(refusal(status, "Retry-After: 1\r\n"));
        }
        while let Some(request) = visit.request() {
            visit.send(success(&request));
        }
    });
    let mut config = with_attempts(config(&peer), 3);
    config
        .set_max_connections(WORKERS as u32)
        .expect("a number");
    let ids: Vec<_> = (0..WORKERS * 2 * 100).map(|id| id.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let run = delete(&config, &ids);
    run.expect(Outcome::Deleted, None);
    let since = paused_since.lock().expect("a lock").expect("a moment");
    let requests = peer.requests();
    assert_eq!(requests.len(), WORKERS * 3);
    for request in &requests[WORKERS..] {
        let waited = request.arrived - since;
        assert!(waited >= PAUSE, "came back after {waited:?}");
    }
}

#[test]
fn seconds() {
    not_undercut("429 Too Many Requests", || "Retry-After: 2\r\n".to_owned());
}

#[test]
fn a_date() {
    not_undercut("503 Service Unavailable", || as_date(SystemTime::now()));
}

/// The date is on the service's clock, which may differ from ours.
#[test]
fn a_date_of_another_clock() {
    not_undercut("503 Service Unavailable", || {
        as_date(SystemTime::now() + Duration::from_secs(600))
    });
}

/// The pause holds for the client's next run, too.
#[test]
fn lasts_beyond_a_run() {
    let peer = Peer::start(Over::Plain, |mut visit| {
        while let Some(request) = visit.request() {
            match String::from_utf8_lossy(&request.body).contains("first") {
                true => visit.send(refusal("503 X", "Retry-After: 1\r\n")),
                false => visit.send(success(&request)),
            };
        }
    });
    let client = client(&config(&peer));
    let run = delete_with(&client, &["first"]);
    run.expect(Outcome::Unknown, ErrorKind::Refused);
    delete_with(&client, &["second"]).expect(Outcome::Deleted, None);
    let requests = peer.requests();
    assert!(requests[1].arrived - requests[0].arrived >= Duration::from_secs(1));
}
