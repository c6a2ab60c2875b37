//! A service that is down and comes back: a run waits for it. A request that fails while others succeed is
//! given up. The clock goes on by itself where the library waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use koodrive::client::Client;
use koodrive::error::ErrorKind;
use koodrive::event::EventKind;
use koodrive::monitor::Monitor;
use koodrive::report::Outcome;
use koodrive_sandbox::{Options, RateLimit};

use crate::answers::{framed, ids_of, refusal, success};
use crate::client::{Call, DEVICE, Run, config, delete_watched, delete_with, with_attempts};
use crate::common;
use crate::machine::watched;
use crate::peer::{Over, Peer, Request, Visit};

const BATCHES: usize = 8;

/// What a service that is down does with a request.
#[derive(Clone, Copy, Debug)]
enum Failing {
    Status(&'static str),
    Page,
    Reset,
    Close,
}

impl Failing {
    const ALL: [Self; 6] = [
        Self::Status("502 Bad Gateway"),
        Self::Status("503 Service Unavailable"),
        Self::Status("429 Too Many Requests"),
        Self::Page,
        Self::Reset,
        Self::Close,
    ];

    /// Whether the service may have carried out the request.
    fn is_ambiguous(self) -> bool {
        !matches!(self, Self::Status("429 Too Many Requests"))
    }

    fn answer(self, mut visit: Visit) -> Option<Visit> {
        match self {
            Self::Status(status) => visit.send(refusal(status, "")),
            Self::Page => visit.send(framed("200 OK", "", "<html>We are back soon</html>")),
            Self::Reset => {
                visit.reset();
                return None;
            }
            Self::Close => {
                visit.close();
                return None;
            }
        };
        Some(visit)
    }
}

/// A peer that fails the requests for which `fails` says so, by their number and content.
fn failing_peer(
    failing: Failing,
    fails: impl Fn(usize, &Request) -> bool + Send + Sync + 'static,
) -> Peer {
    let count = AtomicUsize::new(0);
    Peer::start(Over::Plain, move |mut visit| {
        while let Some(request) = visit.request() {
            if fails(count.fetch_add(1, Ordering::SeqCst), &request) {
                match failing.answer(visit) {
                    Some(next) => visit = next,
                    None => return,
                }
            } else {
                visit.send(success(&request));
            }
        }
    })
}

fn ids() -> Vec<String> {
    (0..BATCHES * 100).map(|id| id.to_string()).collect()
}

/// A client of the peer that waits so long for it, and how long it waited.
fn patient(peer: &Peer, attempts: u32, max_outage_ms: u64) -> (Client, Arc<Mutex<Vec<Duration>>>) {
    let mut config = with_attempts(config(peer), attempts);
    config.set_max_outage_ms(max_outage_ms).expect("a number");
    watched(&config, peer, true)
}

/// The run of `BATCHES` requests over one connection, and how long it waited.
fn run(peer: &Peer, attempts: u32, max_outage_ms: u64) -> (Run, Vec<Duration>) {
    let (client, waits) = patient(peer, attempts, max_outage_ms);
    let ids = ids();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let run = delete_with(&client, &ids);
    let waits = waits.lock().expect("a lock").clone();
    (run, waits)
}

fn tally(run: &Run, outcome: Outcome) -> usize {
    run.report.tally(outcome as i32)
}

#[test]
fn in_the_middle_of_a_run_are_waited_for() {
    for failing in Failing::ALL {
        let peer = failing_peer(failing, |number, _| (3..14).contains(&number));
        let (run, waits) = run(&peer, 4, 60_000);
        assert_eq!(run.kind(), None, "{failing:?}: {run:?}");
        assert_eq!(tally(&run, Outcome::Deleted), 100 * BATCHES, "{failing:?}");
        let waited: Duration = waits.iter().sum();
        let expected = Duration::from_secs(5)..Duration::from_secs(60);
        assert!(expected.contains(&waited), "{failing:?}: {waits:?}");
    }
}

/// A pause that grows to five seconds lies between the requests of an outage, in which no attempt counts.
#[test]
fn see_few_requests() {
    for failing in Failing::ALL {
        let peer = failing_peer(failing, |number, _| number >= 3);
        let (run, waits) = run(&peer, 2, 30_000);
        assert_eq!(run.kind(), peer_kind(failing), "{failing:?}: {run:?}");
        let waited: Duration = waits.iter().sum();
        assert!(waited <= Duration::from_secs(31), "{failing:?}: {waits:?}");
        let passed = waited + run.elapsed;
        assert!(passed >= Duration::from_secs(29), "{failing:?}: {waits:?}");
        let requests = peer.requests().len() - 3;
        assert!(requests <= 21, "{failing:?}: {requests} requests");
        let error = run.error.as_ref().expect("an error");
        assert!(error.retryable, "{failing:?}: {run:?}");
    }
}

fn peer_kind(failing: Failing) -> Option<ErrorKind> {
    Some(match failing {
        Failing::Status(_) => ErrorKind::Service,
        Failing::Page => ErrorKind::InvalidResponse,
        Failing::Reset | Failing::Close => ErrorKind::Unreachable,
    })
}

#[test]
fn of_more_than_the_setting_end_the_run_with_the_truth() {
    for failing in Failing::ALL {
        let peer = failing_peer(failing, |number, _| number >= 3);
        let (run, _) = run(&peer, 4, 10_000);
        assert_eq!(tally(&run, Outcome::Deleted), 300, "{failing:?}");
        // The request that failed first, and at most two that were tried to make sure.
        let touched = match failing.is_ambiguous() {
            true => tally(&run, Outcome::Unknown),
            false => tally(&run, Outcome::Rejected),
        };
        assert!((100..=300).contains(&touched), "{failing:?}: {run:?}");
        assert_eq!(tally(&run, Outcome::NotSent), 500 - touched, "{failing:?}");
        let left = run.report.unfinished().expect("a plan").scope_count();
        assert_eq!(left, 500);
    }
}

#[test]
fn are_not_waited_for_if_the_setting_says_so() {
    let peer = failing_peer(Failing::Status("502 X"), |number, _| number >= 3);
    let (run, waits) = run(&peer, 2, 0);
    assert_eq!(run.kind(), Some(ErrorKind::Service));
    // Its attempts, and one of another request to make sure.
    assert_eq!(peer.requests().len(), 3 + 2 + 1);
    assert!(waits.iter().sum::<Duration>() < Duration::from_secs(1));
}

/// What fails alone is given up after its attempts, and nobody waits for it.
#[test]
fn a_request_that_always_fails_is_given_up() {
    for failing in [
        Failing::Status("500 X"),
        Failing::Page,
        Failing::Reset,
        Failing::Close,
    ] {
        for bad in [
            vec![0],
            vec![3],
            vec![BATCHES - 1],
            vec![1, 2],
            vec![0, 4, 7],
        ] {
            let poison: Vec<_> = bad.iter().map(|batch| (batch * 100).to_string()).collect();
            let spoiled = poison.clone();
            let peer = failing_peer(failing, move |_, request| {
                ids_of(request).iter().any(|id| spoiled.contains(id))
            });
            let (run, waits) = run(&peer, 3, 60_000);
            let case = format!("{failing:?} {bad:?}: {run:?} {waits:?}");
            assert_eq!(run.kind(), peer_kind(failing), "{case}");
            assert_eq!(tally(&run, Outcome::Unknown), 100 * bad.len(), "{case}");
            assert_eq!(
                tally(&run, Outcome::Deleted),
                100 * (BATCHES - bad.len()),
                "{case}"
            );
            let mut tries = HashMap::<String, usize>::new();
            for request in peer.requests() {
                *tries.entry(ids_of(&request)[0].clone()).or_default() += 1;
            }
            for id in &poison {
                // Two that follow one another look like an outage at first.
                let most = if bad == [1, 2] { 7 } else { 3 };
                assert!((3..=most).contains(&tries[id]), "{case}: {id} {tries:?}");
            }
            let waited: Duration = waits.iter().sum();
            assert!(waited < Duration::from_secs(4), "{case}");
        }
    }
}

/// A throttled request is tried as often as it takes, and does not count as an attempt.
#[test]
fn throttled_requests_are_tried_until_they_are_accepted() {
    // Every third request is accepted.
    for max_outage_ms in [0, 60_000] {
        let throttle = Failing::Status("429 Too Many Requests");
        let peer = failing_peer(throttle, |number, _| number % 3 != 2);
        let (run, _) = run(&peer, 1, max_outage_ms);
        run.expect(Outcome::Deleted, None);
        assert_eq!(peer.requests().len(), 3 * BATCHES);
    }
}

/// Ten refusals in a row say that the rate is too high, twenty that the service is down.
#[test]
fn many_throttles_in_a_row_are_an_outage() {
    for (throttles, outages) in [(10, 0), (20, 1)] {
        let throttle = Failing::Status("429 Too Many Requests");
        let peer = failing_peer(throttle, move |number, _| (1..=throttles).contains(&number));
        let (client, _) = patient(&peer, 1, 60_000);
        let monitor = Monitor::default();
        monitor.keep_events(1_000).expect("a number");
        let ids = ids();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        delete_watched(&client, &ids, Some(&monitor)).expect(Outcome::Deleted, None);
        let events = std::iter::from_fn(|| monitor.next_event());
        let began = events.filter(|event| event.kind == EventKind::OutageBegan);
        assert_eq!(began.count(), outages, "after {throttles}");
    }
}

#[test]
fn throttled_lists_are_asked_for_until_they_are_accepted() {
    let throttle = Failing::Status("429 Too Many Requests");
    let peer = failing_peer(throttle, |number, _| number % 3 != 2);
    let (client, _) = patient(&peer, 1, 60_000);
    for call in Call::LISTS {
        call.expect_success_in("", &client);
    }
    assert_eq!(peer.requests().len(), 3 * Call::LISTS.len());
}

/// A list waits for a service that throttles as a run does, and gives up what fails after its attempts. What
/// it has of other modules by then is no list.
#[test]
fn a_list_of_three_modules_is_given_up_with_the_second() {
    for failing in Failing::ALL {
        let is_first = |request: &Request| request.head.contains("moduleCode=100 ");
        let peer = failing_peer(failing, move |_, request| !is_first(request));
        let (client, waits) = patient(&peer, 3, 30_000);
        let begun = Instant::now();
        let list = client.list_scopes(None, DEVICE, None, None);
        let error = list.expect_err("no list without the second module");
        let elapsed = begun.elapsed();
        let case = format!("{failing:?}: {error}");
        assert_eq!(Some(error.kind), peer_kind(failing), "{case}");
        assert!(error.retryable, "{case}");
        let (requests, waits) = (peer.requests().len() - 1, waits.lock().expect("a lock"));
        let waited: Duration = waits.iter().sum();
        if matches!(
            failing,
            Failing::Status("429 Too Many Requests" | "503 Service Unavailable")
        ) {
            assert!((5..=25).contains(&requests), "{case}: {requests} requests");
            assert!(waited <= Duration::from_secs(31), "{case}: {waits:?}");
            let passed = waited + elapsed;
            assert!(passed >= Duration::from_secs(29), "{case}: {waits:?}");
        } else {
            assert_eq!(requests, 3, "{case}");
            assert!(waited < Duration::from_secs(1), "{case}: {waits:?}");
        }
    }
}

/// Over real sockets and in real time: a gateway that lets 100 requests a second pass, ten at once.
#[test]
fn a_rate_limit_is_found_and_kept() {
    const REQUESTS: usize = 150;
    let sandbox = common::sandbox(Options {
        rate_limit: Some(RateLimit {
            per_second: 100.0,
            burst: 10.0,
            retry_after: None,
        }),
        ..Options::default()
    });
    let mut config = common::config(&sandbox);
    config.set_max_connections(16).expect("a number");
    let client = Client::new(&config).expect("a client");
    let ids = common::generated_ids(REQUESTS * 100);
    let report = common::delete_ids(&client, &ids);
    assert_eq!(report.tally(Outcome::Deleted as i32), ids.len());
    let refused = report.request_count() - REQUESTS;
    assert!((1..=16 + 20).contains(&refused), "{refused} were refused");
}
