//! What a monitor tells of a run: its events and counts.

mod common;

use std::ffi::CString;
use std::time::Duration;

use common::*;
use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::event::{Event, EventKind, RequestName};
use koodrive::monitor::Monitor;
use koodrive_sandbox::{Fault, Match, Options, RateLimit, Rule, Sandbox};

/// Runs a deletion of so many ids, over one connection; its events in order.
fn run(sandbox: &Sandbox, ids: usize, set: impl FnOnce(&mut Config)) -> (Monitor, Vec<Event>) {
    let mut config = config(sandbox);
    config.set_max_connections(1).unwrap();
    set(&mut config);
    let client = Client::new(&config).unwrap();
    let monitor = Monitor::default();
    monitor.keep_events(1_000).unwrap();
    let _ = client
        .delete_plan(&plan(&generated_ids(ids)), Some(&monitor))
        .unwrap();
    let events = std::iter::from_fn(|| monitor.next_event()).collect();
    (monitor, events)
}

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}

use EventKind::*;

#[test]
fn each_request_is_told_with_its_status_and_id() {
    let sandbox = sandbox(Options::default());
    let (monitor, events) = run(&sandbox, 250, |_| ());
    assert_eq!(kinds(&events), [Request; 3]);
    let counts: Vec<_> = events.iter().map(|event| event.scope_count).collect();
    assert_eq!(counts, [100, 100, 50]);
    for event in &events {
        assert_eq!(event.http_status, Some(200));
        assert_eq!(event.attempt, 1);
        assert!(event.request_id.is_some());
        assert!(event.duration <= event.elapsed);
    }
    assert!(events.is_sorted_by_key(|event| event.elapsed));
    assert_eq!(monitor.requests_sent(), 3);
    assert_eq!((monitor.retries(), monitor.throttles()), (0, 0));
    assert_eq!(monitor.events_dropped(), 0);
}

#[test]
fn a_retry_says_why_and_when() {
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![
        Rule::during(0..1, status(500)),
        Rule::during(1..2, Fault::LoseAnswer),
    ]);
    let (monitor, events) = run(&sandbox, 10, |_| ());
    assert_eq!(kinds(&events), [Request, Retry, Request, Retry, Request]);
    assert_eq!(events[0].http_status, Some(500));
    assert!(
        events[1].message.starts_with("sent again in "),
        "{:?}",
        events[1]
    );
    assert!(events[1].message.contains("HTTP 500"), "{:?}", events[1]);
    assert_eq!(events[1].request_id, events[0].request_id);
    assert_eq!(events[1].http_status, Some(500));
    assert_eq!(events[2].http_status, None);
    assert!(events[2].message.contains("closed"), "{:?}", events[2]);
    let attempts: Vec<_> = events.iter().map(|event| event.attempt).collect();
    assert_eq!(attempts, [1, 2, 2, 3, 3]);
    assert_eq!((monitor.requests_sent(), monitor.retries()), (3, 2));
}

#[test]
fn a_retry_that_has_to_wait_says_how_long() {
    for (refusal, when) in [
        (429, "sent again when the service allows it, in "),
        (500, "sent again in "),
    ] {
        let sandbox = sandbox(Options::default());
        let pause = Fault::Status {
            status: refusal,
            retry_after: Some("2".into()),
            body: None,
            content_type: None,
        };
        sandbox.set_faults(vec![Rule::during(0..1, pause)]);
        let (_, events) = run(&sandbox, 10, |_| ());
        let [retry, request] = [&events[events.len() - 2], &events[events.len() - 1]];
        let rest = retry.message.strip_prefix(when).expect(&retry.message);
        let (wait, _) = rest.split_once(" ms").unwrap();
        let wait = Duration::from_millis(wait.parse().unwrap());
        assert!(wait > Duration::from_secs(1), "{retry:?}");
        assert!(wait < request.elapsed - retry.elapsed, "{retry:?}");
    }
}

/// Where there is no response, nothing else says which request it was.
#[test]
fn a_request_and_its_retry_say_whose_they_are() {
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![Rule::during(1..2, Fault::LoseAnswer)]);
    let (_, events) = run(&sandbox, 250, |_| ());
    let ids = generated_ids(250);
    assert_eq!(kinds(&events), [Request, Request, Retry, Request, Request]);
    for (event, first) in events.iter().zip([0, 100, 100, 100, 200]) {
        let whose = name(USER, Some(DEVICE), Some(&ids[first]));
        assert_eq!(event.request.as_ref(), Some(&whose));
    }
}

fn name(user: &str, device: Option<&str>, first: Option<&str>) -> RequestName {
    let c_string = |id: &str| CString::new(id).unwrap();
    RequestName {
        user_id: c_string(user),
        device_id: device.map(c_string),
        first_scope_id: first.map(c_string),
    }
}

#[test]
fn a_request_that_is_given_up_says_why() {
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![Rule::during(1..5, status(500))]);
    let (_, events) = run(&sandbox, 250, |_| ());
    let given_up: Vec<_> = events
        .iter()
        .filter(|event| event.kind == GivenUp)
        .collect();
    let [event] = given_up[..] else {
        panic!("{events:?}");
    };
    let tries = |event: &&Event| event.kind == Request && event.http_status == Some(500);
    let last = events.iter().rfind(tries).unwrap();
    assert!(
        event.message.starts_with("not sent again: "),
        "{:?}",
        event.message
    );
    assert!(event.message.ends_with(&*last.message), "{event:?}");
    assert_eq!(event.request, last.request);
    assert_eq!(event.request_id, last.request_id);
    assert_eq!((event.http_status, event.attempt), (Some(500), 4));
    assert_eq!(event.scope_count, 100);
}

#[test]
fn a_request_that_was_never_sent_is_given_up_too() {
    let sandbox = sandbox(Options::default());
    let (monitor, events) = run(&sandbox, 10, |config| {
        config.set_endpoint("http://127.0.0.1:1").unwrap();
        config.set_max_attempts(3).unwrap();
    });
    assert_eq!(kinds(&events), [Retry, Retry, GivenUp]);
    let attempts: Vec<_> = events.iter().map(|event| event.attempt).collect();
    assert_eq!(attempts, [1, 1, 0]);
    assert_eq!((monitor.requests_sent(), monitor.retries()), (0, 2));
}

/// What had not failed is left by the stop alone.
#[test]
fn a_request_that_failed_before_the_stop_is_given_up() {
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![
        Rule::during(0..1, status(429)),
        Rule::during(1..2, status(401)),
    ]);
    let (_, events) = run(&sandbox, 250, |_| ());
    assert_eq!(
        kinds(&events),
        [Request, Throttled, Retry, Request, Stopping, GivenUp]
    );
    assert_eq!((events[5].http_status, events[5].attempt), (Some(401), 2));
}

#[test]
fn throttling_says_the_rate_from_now_on() {
    let sandbox = sandbox(Options {
        rate_limit: Some(RateLimit {
            per_second: 5.0,
            burst: 1.0,
            retry_after: None,
        }),
        ..Options::default()
    });
    let (monitor, events) = run(&sandbox, 400, |_| ());
    let throttled: Vec<_> = events
        .iter()
        .filter(|event| event.kind == Throttled)
        .collect();
    assert!(!throttled.is_empty());
    for event in throttled {
        let rate = event.rate.unwrap();
        assert!(rate > 0.0, "{event:?}");
        let words = format!("throttled to {rate:.1} requests a second: ");
        assert!(event.message.starts_with(&words), "{event:?}");
        assert_eq!(event.http_status, Some(429));
    }
    let refused = events
        .iter()
        .filter(|event| (event.kind, event.http_status) == (Request, Some(429)));
    assert_eq!(monitor.throttles(), refused.count() as u64);
}

#[test]
fn an_outage_is_told_from_its_beginning_to_its_end() {
    let sandbox = sandbox(Options::default());
    let down = Rule {
        requests: Match {
            from: 1,
            for_ms: Some(1_500),
            ..Match::default()
        },
        fault: status(502),
    };
    sandbox.set_faults(vec![down]);
    let (_, events) = run(&sandbox, 300, |config| config.set_max_attempts(2).unwrap());
    let outage: Vec<_> = events
        .iter()
        .filter(|event| [OutageBegan, OutageEnded].contains(&event.kind))
        .collect();
    let [began, ended] = outage[..] else {
        panic!("{events:?}");
    };
    assert_eq!((began.kind, ended.kind), (OutageBegan, OutageEnded));
    assert_eq!(began.http_status, Some(502));
    // Since the first failure, not since it was noticed.
    let since = began.elapsed - began.duration;
    let mut failed = events
        .iter()
        .filter(|event| event.kind == Request && event.http_status == Some(502));
    let [first, second] = [failed.next().unwrap(), failed.next().unwrap()];
    assert!(
        (first.elapsed..second.elapsed).contains(&since),
        "{began:?}"
    );
    assert_eq!(ended.duration, ended.elapsed - since);
    let seconds = began.duration.as_secs_f64();
    let words = format!("the service has been down for {seconds:.1} s: ");
    assert!(began.message.starts_with(&words), "{began:?}");
    let seconds = ended.duration.as_secs_f64();
    let words = format!("the service is back after {seconds:.1} s");
    assert_eq!(ended.message, words);
}

#[test]
fn a_wrong_clock_is_told_once() {
    let sandbox = sandbox(Options {
        clock_skew_s: -3_600,
        ..Options::default()
    });
    let (_, events) = run(&sandbox, 200, |_| ());
    let told: Vec<_> = events
        .iter()
        .filter(|event| event.kind == ClockCorrected)
        .collect();
    assert_eq!(told.len(), 1, "{events:?}");
    assert!(told[0].message.contains(" s behind ours"), "{:?}", told[0]);
    let retry = events.iter().find(|event| event.kind == Retry).unwrap();
    assert!(retry.message.starts_with("sent again at once"), "{retry:?}");
}

#[test]
fn why_a_run_stops_is_told() {
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![Rule::always(status(401))]);
    let (_, events) = run(&sandbox, 200, |_| ());
    assert_eq!(kinds(&events), [Request, Stopping, GivenUp]);
    assert_eq!(events[1].http_status, Some(401));
    assert_eq!(events[1].request_id, events[0].request_id);
}

#[test]
fn a_cancelled_run_says_so_once() {
    let sandbox = sandbox(Options::default());
    let monitor = Monitor::default();
    monitor.keep_events(10).unwrap();
    monitor.cancel();
    let (_, error) = client(&sandbox)
        .delete_plan(&plan(&generated_ids(300)), Some(&monitor))
        .unwrap();
    assert_eq!(kind(&error), Some(ErrorKind::Cancelled));
    let events: Vec<_> = std::iter::from_fn(|| monitor.next_event()).collect();
    assert_eq!(kinds(&events), [Stopping]);
}

#[test]
fn a_run_that_does_not_wait_tells_of_no_retry() {
    let too_long = Fault::Status {
        status: 429,
        retry_after: Some("86400".into()),
        body: None,
        content_type: None,
    };
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![Rule::always(too_long)]);
    let (monitor, events) = run(&sandbox, 200, |_| ());
    assert_eq!(kinds(&events), [Request, Stopping, Throttled, GivenUp]);
    assert!(
        events[1].message.contains("a pause of 86400 seconds"),
        "{:?}",
        events[1]
    );
    assert_eq!((monitor.retries(), monitor.throttles()), (0, 1));
    let _ = client(&sandbox).list_devices(None, Some(&monitor));
    assert_eq!((monitor.retries(), monitor.throttles()), (0, 1));
}

#[test]
fn a_request_that_is_halved_is_told() {
    let ids = generated_ids(4);
    let sandbox = sandbox(Options {
        poison_ids: [ids[0].as_str().into()].into(),
        ..Options::default()
    });
    let (_, events) = run(&sandbox, 4, |_| ());
    assert_eq!(kinds(&events)[..3], [Request, Retry, Request]);
    assert!(
        events[1].message.starts_with("sent again in two halves"),
        "{:?}",
        events[1]
    );
    assert_eq!((events[2].scope_count, events[2].attempt), (2, 1));
}

#[test]
fn the_oldest_events_go_first_and_are_counted() {
    let sandbox = sandbox(Options::default());
    let client = client(&sandbox);
    let monitor = Monitor::default();
    monitor.keep_events(2).unwrap();
    delete_with(&client, 500, &monitor);
    assert_eq!(monitor.events_dropped(), 3);
    assert_eq!(std::iter::from_fn(|| monitor.next_event()).count(), 2);
    assert!(monitor.next_event().is_none());
}

fn delete_with(client: &Client, ids: usize, monitor: &Monitor) {
    let (_, error) = client
        .delete_plan(&plan(&generated_ids(ids)), Some(monitor))
        .unwrap();
    assert!(error.is_none(), "{error:?}");
}

#[test]
fn nothing_is_kept_unless_it_is_asked_for_but_all_is_counted() {
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![Rule::during(0..1, status(429))]);
    let monitor = Monitor::default();
    let client = client(&sandbox);
    delete_with(&client, 100, &monitor);
    assert!(monitor.next_event().is_none());
    assert_eq!(
        (
            monitor.requests_sent(),
            monitor.retries(),
            monitor.throttles()
        ),
        (2, 1, 1)
    );
    delete_with(&client, 100, &monitor);
    assert_eq!(
        (
            monitor.requests_sent(),
            monitor.retries(),
            monitor.throttles()
        ),
        (1, 0, 0)
    );
}

#[test]
fn a_list_is_a_run_with_events() {
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![Rule::during(0..1, status(500))]);
    let monitor = Monitor::default();
    monitor.keep_events(10).unwrap();
    client(&sandbox).list_devices(None, Some(&monitor)).unwrap();
    let events: Vec<_> = std::iter::from_fn(|| monitor.next_event()).collect();
    assert_eq!(kinds(&events), [Request, Retry, Request]);
    assert_eq!(events[2].attempt, 2);
    for event in events {
        assert_eq!(event.request, Some(name(USER, None, None)));
    }
    client(&sandbox)
        .list_scopes(Some("Li"), DEVICE, Some("101"), Some(&monitor))
        .unwrap();
    let event = monitor.next_event().unwrap();
    assert_eq!(event.request, Some(name("Li", Some(DEVICE), None)));
    sandbox.set_faults(vec![Rule::always(status(403))]);
    client(&sandbox)
        .list_devices(None, Some(&monitor))
        .unwrap_err();
    let events: Vec<_> = std::iter::from_fn(|| monitor.next_event()).collect();
    assert_eq!(kinds(&events), [Request, GivenUp]);
    assert_eq!((events[1].http_status, events[1].attempt), (Some(403), 1));
}

#[test]
fn bad_capacities_and_moments_are_refused() {
    let monitor = Monitor::default();
    let error = monitor.keep_events((1 << 24) + 1).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    assert!(error.message.starts_with("capacity: "), "{error}");
    monitor.keep_events(1 << 24).unwrap();
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![Rule::always(Fault::Hang { executed: true })]);
    let client = client(&sandbox);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| client.delete_plan(&plan(&generated_ids(1)), Some(&monitor)));
        let limit = std::time::Duration::from_secs(30);
        assert!(sandbox.wait_for(limit, |totals| totals.requests == 1));
        let error = monitor.keep_events(1).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidArgument);
        assert!(error.message.starts_with("monitor: "), "{error}");
        monitor.cancel();
        monitor.cancel();
        run.join().unwrap().unwrap();
    });
    monitor.keep_events(1).unwrap();
}

/// What an event takes is bounded, whatever the service says; the error and the report hold all of it.
#[test]
fn long_words_are_cut() {
    let words = "\u{2026}".repeat(900);
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![Rule::always(Fault::Status {
        status: 403,
        retry_after: None,
        body: Some(format!(r#"{{"code":"{words}","msg":"{words}"}}"#)),
        content_type: None,
    })]);
    let (_, events) = run(&sandbox, 10, |_| ());
    assert_eq!(kinds(&events), [Request, GivenUp]);
    for event in events {
        assert!((510..=512).contains(&event.message.len()), "{event:?}");
        assert!(event.message.ends_with("\u{2026}..."), "{event:?}");
    }
}

#[test]
fn no_event_holds_a_secret_or_more_than_one_line() {
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![Rule::during(
        0..2,
        Fault::Status {
            status: 500,
            retry_after: None,
            body: Some(r#"{"code":7,"msg":"more\nthan\u2028one\u0085line of a-token"}"#.into()),
            content_type: None,
        },
    )]);
    let (_, events) = run(&sandbox, 10, |_| ());
    assert_eq!(events.len(), 5);
    for event in events {
        assert!(!event.message.contains("a-token"), "{event:?}");
        let breaks = ['\n', '\u{2028}', '\u{85}'];
        assert!(!event.message.contains(breaks), "{event:?}");
    }
}
