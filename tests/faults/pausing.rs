//! Retry-After: all workers pause, and none of them comes back early.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant, SystemTime};

use koodrive::client::Client;
use koodrive::error::ErrorKind;
use koodrive::report::Outcome;
use koodrive_sandbox::{Fault, Options, Rule};

use crate::answers::{framed, is_query, refusal, success};
use crate::client::{Call, SLACK, client, config, delete, delete_with, with_attempts};
use crate::common;
use crate::machine::watched;
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

/// What is not sent again does not pause the others; what is sent again at once, since our clock was wrong,
/// waits all the same.
#[test]
fn is_heeded_for_what_is_sent_again() {
    let peer = Peer::start(Over::Plain, |mut visit| {
        while let Some(request) = visit.request() {
            match String::from_utf8_lossy(&request.body).contains("forbidden") {
                true => visit.send(refusal("403 X", "Retry-After: 30\r\n")),
                false => visit.send(success(&request)),
            };
        }
    });
    let client = client(&config(&peer));
    delete_with(&client, &["forbidden"]).expect(Outcome::Rejected, ErrorKind::Service);
    let next = delete_with(&client, &["other"]);
    next.expect(Outcome::Deleted, None);
    assert!(next.elapsed < Duration::from_secs(20), "{next:?}");

    let wrong_clock = Peer::start(Over::Plain, |mut visit| {
        let mut is_first = true;
        while let Some(request) = visit.request() {
            let hour = Duration::from_secs(3_600);
            let date = httpdate::fmt_http_date(SystemTime::now() + hour);
            match std::mem::take(&mut is_first) {
                true => visit.send(refusal(
                    "401 X",
                    &format!("Date: {date}\r\nRetry-After: 1\r\n"),
                )),
                false => visit.send(success(&request)),
            };
        }
    });
    delete(&config(&wrong_clock), &["1"]).expect(Outcome::Deleted, None);
    let requests = wrong_clock.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].arrived - requests[0].arrived >= Duration::from_secs(1));
}

/// A peer that refuses the first request of all.
fn refusing_first(status: &'static str, headers: String) -> Peer {
    answering_first(refusal(status, &headers))
}

/// Answers the first request like this, and all others as they want it.
fn answering_first(answer: impl AsRef<[u8]> + Send + Sync + 'static) -> Peer {
    let is_first = AtomicBool::new(true);
    Peer::start(Over::Plain, move |mut visit| {
        while let Some(request) = visit.request() {
            match is_first.swap(false, Ordering::SeqCst) {
                true => visit.send(&answer),
                false => visit.send(success(&request)),
            };
        }
    })
}

/// The pause holds for the client's next call, too.
#[test]
fn lasts_beyond_a_run() {
    for (first, second) in [
        (Call::Delete, Call::Delete),
        (Call::Delete, Call::ListScopes),
        (Call::ListDevices, Call::Delete),
    ] {
        let peer = refusing_first("503 X", "Retry-After: 1\r\n".to_owned());
        let client = client(&config(&peer));
        first.expect_failure_in("", &client, Outcome::Unknown, ErrorKind::Service);
        second.expect_success_in("", &client);
        let requests = peer.requests();
        let waited = requests[1].arrived - requests[0].arrived;
        assert!(waited >= Duration::from_secs(1), "{first:?}: {waited:?}");
    }
}

/// A list is asked for again when it is time.
#[test]
fn a_list_waits() {
    for call in Call::LISTS {
        let peer = refusing_first("429 X", "Retry-After: 1\r\n".to_owned());
        let client = client(&with_attempts(config(&peer), 2));
        call.expect_success_in("", &client);
        let requests = peer.requests();
        let waited = requests[1].arrived - requests[0].arrived;
        assert!(waited >= Duration::from_secs(1), "{call:?}: {waited:?}");
    }
}

/// A list can't be halved: where its parameters are refused it is not sent again, and so holds nobody.
#[test]
fn is_not_heeded_for_a_list_whose_parameters_are_refused() {
    for pause in [30, 100] {
        let headers = format!("Retry-After: {pause}\r\n");
        let peer = Peer::start(Over::Plain, move |mut visit| {
            while let Some(request) = visit.request() {
                match is_query(&request) {
                    true => visit.send(framed("400 X", &headers, r#"{"code":13000102}"#)),
                    false => visit.send(success(&request)),
                };
            }
        });
        let client = client(&config(&peer));
        for call in Call::LISTS {
            let (outcome, kind) = (Outcome::Rejected, ErrorKind::Service);
            let error = call.expect_failure_in("", &client, outcome, kind);
            assert!(!error.retryable, "{error}");
        }
        let next = delete_with(&client, &["1"]);
        next.expect(Outcome::Deleted, None);
        assert!(next.elapsed < Duration::from_secs(20), "{next:?}");
    }
}

/// Nor can a request of a single id be halved.
#[test]
fn is_not_heeded_for_an_id_whose_parameters_are_refused() {
    let headers = "Retry-After: 30\r\n";
    let peer = answering_first(framed("400 X", headers, r#"{"code":13000102}"#));
    let client = client(&config(&peer));
    let first = delete_with(&client, &["1"]);
    first.expect(Outcome::Rejected, Some(ErrorKind::Service));
    let next = delete_with(&client, &["2"]);
    next.expect(Outcome::Deleted, None);
    assert!(next.elapsed < Duration::from_secs(20), "{next:?}");
}

/// Longer than a minute is not waited for: the call ends with the service's words, and no other call
/// of the client is held.
#[test]
fn for_longer_than_a_run_waits() {
    let in_9999 = "Fri, 31 Dec 9999 23:59:59 GMT";
    for pause in ["61", "86400", "99999999999999999999999", in_9999] {
        for (status, outcome) in [("429 X", Outcome::Rejected), ("503 X", Outcome::Unknown)] {
            for call in Call::ALL {
                let begin = Instant::now();
                let peer = refusing_first(status, format!("Retry-After: {pause}\r\n"));
                let client = client(&with_attempts(config(&peer), 4));
                let error = call.expect_failure_in(pause, &client, outcome, ErrorKind::Service);
                assert!(error.retryable, "{call:?}: {error}");
                let words = error.message.contains("refused");
                assert!(words, "the service's words: {call:?}: {error}");
                call.expect_success_in(pause, &client);
                assert!(begin.elapsed() < SLACK, "{call:?}");
                assert_eq!(peer.requests().len(), 2);
            }
        }
    }
}

/// Each pause is short enough, but not all together.
#[test]
fn again_and_again_is_not_waited_for_in_vain() {
    let peer = Peer::start(Over::Plain, |mut visit| {
        while visit.request().is_some() {
            visit.send(refusal("429 X", "Retry-After: 25\r\n"));
        }
    });
    let (client, waits) = watched(&config(&peer), &peer, true);
    delete_with(&client, &["1"]).expect(Outcome::Rejected, ErrorKind::Service);
    let waited: Duration = waits.lock().expect("a lock").iter().sum();
    // The third would end after more than a minute.
    let expected = Duration::from_secs(49)..=Duration::from_secs(50);
    assert!(expected.contains(&waited), "{waited:?}");
    assert_eq!(peer.requests().len(), 3);
}

/// What a run leaves that was asked to wait for too long.
#[test]
fn for_longer_than_a_run_waits_leaves_it_unfinished() {
    for status in ["429 X", "503 X"] {
        let peer = refusing_first(status, "Retry-After: 61\r\n".to_owned());
        let run = delete(&with_attempts(config(&peer), 4), &["1"]);
        let left = run.report.unfinished().expect("a plan");
        assert_eq!(left.scope_count(), 1, "{run:?}");
    }
}

/// Of the workers that wait for the rate limit one looks at the clock, and the others sleep.
#[test]
fn the_rate_limit_wakes_one_worker_at_a_time() {
    const REQUESTS: usize = 20;
    let peer = Peer::start(Over::Plain, |mut visit| {
        while let Some(request) = visit.request() {
            visit.send(success(&request));
        }
    });
    let mut config = config(&peer);
    config.set_max_connections(64).expect("a number");
    config.set_max_requests_per_second(100).expect("a number");
    let (client, waits) = watched(&config, &peer, false);
    let ids: Vec<_> = (0..REQUESTS * 100).map(|id| id.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    delete_with(&client, &ids).expect(Outcome::Deleted, None);
    assert_eq!(peer.requests().len(), REQUESTS);
    let waits = waits.lock().expect("a lock").len();
    assert!(waits <= 2 * REQUESTS, "{waits} waits");
}

/// Between attempts of a request, where the service does not say how long: up to 200 ms, doubled each
/// time, up to 20 s.
#[test]
fn grows_from_attempt_to_attempt() {
    for call in [Call::Delete, Call::ListDevices] {
        let peer = Peer::start(Over::Plain, |mut visit| {
            while visit.request().is_some() {
                visit.send(refusal("502 Bad Gateway", ""));
            }
        });
        let (client, waits) = watched(&with_attempts(config(&peer), 10), &peer, true);
        call.expect_failure_in("", &client, Outcome::Unknown, ErrorKind::Service);
        assert_eq!(peer.requests().len(), 10);
        let longest = [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 20_000, 20_000];
        let waits = waits.lock().expect("a lock");
        assert_eq!(waits.len(), longest.len(), "{call:?}: {waits:?}");
        for (wait, longest) in waits.iter().zip(longest.map(Duration::from_millis)) {
            // The clock goes on between the decision to wait and the wait.
            let range = longest - Duration::from_millis(100)..=longest;
            assert!(range.contains(wait), "{call:?}: {waits:?}");
        }
    }
}

fn asking_to_wait(status: u16, retry_after: &str, body: Option<&str>) -> Fault {
    Fault::Status {
        status,
        retry_after: Some(retry_after.into()),
        body: body.map(Into::into),
        content_type: None,
    }
}

#[test]
fn makes_all_workers_wait() {
    let sandbox = common::sandbox(Options {
        faults: vec![Rule::during(0..4, asking_to_wait(429, "1", None))],
        ..Options::default()
    });
    let begin = Instant::now();
    let report = common::delete_ids(&common::client(&sandbox), &common::generated_ids(1_000));
    assert_eq!(report.tally(Outcome::Deleted as i32), 1_000);
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[test]
fn beyond_the_deadline_stops_the_run() {
    let sandbox = common::sandbox(Options {
        faults: vec![Rule::always(asking_to_wait(503, "60", None))],
        ..Options::default()
    });
    let mut config = common::config(&sandbox);
    config.set_run_timeout_ms(30_000).unwrap();
    let begin = Instant::now();
    let (report, error) = common::delete(&Client::new(&config).unwrap(), &common::plan(&["1"]));
    assert_eq!(common::kind(&error), Some(ErrorKind::TimedOut));
    assert_eq!(common::outcomes(&report), [Outcome::Unknown]);
    assert!(
        begin.elapsed() < Duration::from_secs(25),
        "it does not wait in vain"
    );
}

#[test]
fn holds_for_whatever_is_sent_again() {
    let sandbox = common::sandbox(Options {
        faults: vec![Rule::during(
            0..1,
            asking_to_wait(
                400,
                "1",
                Some(r#"{"code":13000102,"msg":"Parameter check failed."}"#),
            ),
        )],
        ..Options::default()
    });
    let begin = Instant::now();
    let report = common::delete_ids(&common::client(&sandbox), &common::generated_ids(3));
    assert_eq!(report.tally(Outcome::Deleted as i32), 3, "by halves");
    assert_eq!(report.request_count(), 3);
    assert!(begin.elapsed() >= Duration::from_secs(1));
}
