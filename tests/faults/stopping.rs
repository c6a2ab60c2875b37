//! Cancel, a second cancel and the run's deadline, at every step of an attempt.

use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::monitor::Monitor;
use koodrive::plan::Plan;
use koodrive::report::Outcome;

use crate::answers::{refusal, success};
use crate::client::{
    Call, Run, SLACK, client, config, config_for, delete_plan, delete_watched, delete_with,
    with_attempts,
};
use crate::connecting::{BlackHole, Refusing};
use crate::peer::{Over, Peer, Signal};
use crate::sending::delete_much_with;

/// The run's timeout where there is one.
const LIMIT: Duration = Duration::from_millis(700);

/// How a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stop {
    Cancel,
    CancelTwice,
    Deadline,
}

impl Stop {
    const ALL: [Self; 3] = [Self::Cancel, Self::CancelTwice, Self::Deadline];

    fn kind(self) -> ErrorKind {
        match self {
            Self::Cancel | Self::CancelTwice => ErrorKind::Cancelled,
            Self::Deadline => ErrorKind::TimedOut,
        }
    }

    fn prepare(self, mut config: Config) -> Config {
        if self == Self::Deadline {
            let limit = LIMIT.as_millis() as u64;
            config.set_run_timeout_ms(limit).expect("a number");
        }
        config
    }

    /// Makes a call and stops it once `begun` says where it is; how long it took to end.
    fn run<T>(
        self,
        client: &Client,
        begun: &Signal,
        call: impl Fn(&Client, &Monitor) -> T,
    ) -> (T, Duration) {
        let monitor = Monitor::default();
        thread::scope(|scope| {
            let stopping = scope.spawn(|| {
                begun.wait();
                let stopped = Instant::now();
                let cancels = match self {
                    Self::Cancel => 1,
                    Self::CancelTwice => 2,
                    Self::Deadline => 0,
                };
                (0..cancels).for_each(|_| monitor.cancel());
                stopped
            });
            let came = call(client, &monitor);
            let stopped = stopping.join().expect("a moment");
            (came, stopped.elapsed())
        })
    }

    /// That each list ends soon after it is stopped, where `begun` says once it is there.
    #[track_caller]
    fn expect_no_list(self, config: &Config, begun: impl Fn() -> Signal) {
        for call in Call::LISTS {
            let (client, begun) = (client(config), begun());
            let start = Instant::now();
            let list = |client: &Client, monitor: &Monitor| call.list(client, Some(monitor));
            let (list, since_stop) = self.run(&client, &begun, list);
            let error = list.expect_err("no list");
            assert_eq!(error.kind, self.kind(), "{self:?} {call:?}: {error}");
            let is_soon = match self {
                Self::Deadline => (LIMIT..LIMIT + SLACK).contains(&start.elapsed()),
                _ => since_stop < SLACK,
            };
            assert!(is_soon, "{self:?} {call:?}: {since_stop:?}");
        }
    }

    /// That the run ended soon after it was stopped.
    #[track_caller]
    fn expect_soon(self, (run, since_stop): &(Run, Duration), outcome: Outcome) {
        run.expect_in(&format!("{self:?}"), outcome, self.kind());
        match self {
            Self::Deadline => run.expect_time(LIMIT),
            _ => assert!(*since_stop < SLACK, "{self:?}: {since_stop:?}, {run:?}"),
        }
    }
}

fn delete_one(client: &Client, monitor: &Monitor) -> Run {
    delete_watched(client, &["1"], Some(monitor))
}

fn now() -> Signal {
    let signal = Signal::new();
    signal.set();
    signal
}

#[test]
fn before_anything() {
    let peer = Peer::start(Over::Plain, |mut visit| visit.await_end());
    let monitor = Monitor::default();
    monitor.cancel();
    let run = delete_one(&client(&config(&peer)), &monitor);
    run.expect(Outcome::NotSent, ErrorKind::Cancelled);
    assert_eq!(peer.visits(), 0);
}

#[test]
fn while_connecting() {
    let hole = BlackHole::new();
    for stop in Stop::ALL {
        let config = stop.prepare(config_for(&format!("http://127.0.0.1:{}", hole.port())));
        let stopped = stop.run(&client(&config), &now(), delete_one);
        stop.expect_soon(&stopped, Outcome::NotSent);
        stop.expect_no_list(&config, now);
    }
}

#[test]
fn while_shaking_hands() {
    for stop in Stop::ALL {
        let begun = Signal::new();
        let signal = begun.clone();
        let peer = Peer::start(Over::Plain, move |mut visit| {
            visit.begin();
            signal.set();
            visit.await_end();
        });
        let url = format!("https://localhost:{}", peer.address.port());
        let client = client(&stop.prepare(config_for(&url)));
        let stopped = stop.run(&client, &begun, delete_one);
        stop.expect_soon(&stopped, Outcome::NotSent);
    }
}

/// What is being sent is under way: only a second cancel abandons it.
#[test]
fn while_sending() {
    for over in Over::BOTH {
        let (begun, end) = (Signal::new(), Signal::new());
        let (signal, wait) = (begun.clone(), end.clone());
        let peer = Peer::start_narrow(over, move |mut visit| {
            visit.begin();
            signal.set();
            wait.wait();
        });
        let stop = Stop::CancelTwice;
        let stopped = stop.run(&client(&config(&peer)), &begun, |client, monitor| {
            delete_much_with(client, Some(monitor))
        });
        end.set();
        stop.expect_soon(&stopped, Outcome::NotSent);
    }
}

/// A list is not awaited: nothing is lost with it.
#[test]
fn while_a_list_comes() {
    for over in Over::BOTH {
        for stop in Stop::ALL {
            let begun = Arc::new(Mutex::new(Signal::new()));
            let signal = Arc::clone(&begun);
            let peer = Peer::start(over, move |mut visit| {
                if let Some(request) = visit.request() {
                    let answer = success(&request);
                    visit.send(&answer[..answer.len() / 2]);
                    signal.lock().expect("a lock").set();
                    visit.await_end();
                }
            });
            stop.expect_no_list(&stop.prepare(config(&peer)), || {
                let mut signal = begun.lock().expect("a lock");
                *signal = Signal::new();
                signal.clone()
            });
        }
    }
}

/// An answer under way carries the truth: it is awaited, unless there is a second cancel.
#[test]
fn while_the_answer_is_awaited() {
    for over in Over::BOTH {
        let (begun, end) = (Signal::new(), Signal::new());
        let (signal, wait) = (begun.clone(), end.clone());
        let peer = Peer::start(over, move |mut visit| {
            visit.request();
            signal.set();
            wait.wait();
        });
        let stopped = Stop::CancelTwice.run(&client(&config(&peer)), &begun, delete_one);
        end.set();
        Stop::CancelTwice.expect_soon(&stopped, Outcome::Unknown);

        for stop in [Stop::Cancel, Stop::Deadline] {
            let begun = Signal::new();
            let signal = begun.clone();
            // Longer than the run may last.
            let peer = Peer::start(over, move |mut visit| {
                if let Some(request) = visit.request() {
                    signal.set();
                    thread::sleep(LIMIT * 2);
                    visit.send(success(&request));
                    visit.await_end();
                }
            });
            let client = client(&stop.prepare(config(&peer)));
            let (run, _) = stop.run(&client, &begun, delete_one);
            run.expect_in(&format!("{stop:?}"), Outcome::Deleted, None);
            assert!(run.elapsed >= LIMIT * 2, "{run:?}");
        }
    }
}

/// Between two attempts: nothing more is sent, and what the first one did stays unknown.
#[test]
fn while_waiting_to_try_again() {
    for stop in Stop::ALL {
        let begun = Signal::new();
        let signal = begun.clone();
        let peer = Peer::start(Over::Plain, move |mut visit| {
            while visit.request().is_some() {
                visit.send(refusal("503 Service Unavailable", "Retry-After: 60\r\n"));
                signal.set();
            }
        });
        let client = client(&stop.prepare(with_attempts(config(&peer), 5)));
        let stopped = stop.run(&client, &begun, delete_one);
        let (run, _) = &stopped;
        run.expect_in(&format!("{stop:?}"), Outcome::Unknown, stop.kind());
        assert_eq!(peer.requests().len(), 1);
        // The run's end is known to be too far away as soon as the answer is there.
        assert!(run.elapsed < LIMIT + SLACK, "{run:?}");
    }
}

/// Waits that are short one by one end with the run's time all the same, and the reason is what
/// failed.
#[test]
fn deadline_among_many_failures() {
    let refusing = Refusing::new([127, 0, 0, 1]);
    let url = format!("http://127.0.0.1:{}", refusing.port());
    let config = Stop::Deadline.prepare(with_attempts(config_for(&url), 100));
    let run = delete_with(&client(&config), &["1"]);
    run.expect(Outcome::NotSent, ErrorKind::Unreachable);
    assert!(run.elapsed < LIMIT + SLACK, "{run:?}");
}

/// A batch whose next try would come after the run's end gives up; the others use all the time.
#[test]
fn one_batch_has_no_time_left() {
    let peer = Peer::start(Over::Plain, |mut visit| {
        while let Some(request) = visit.request() {
            match String::from_utf8_lossy(&request.body).contains("unlucky") {
                true => visit.send(refusal("500 Internal Server Error", "")),
                false => {
                    // A service that takes its time.
                    thread::sleep(Duration::from_millis(20));
                    visit.send(success(&request))
                }
            };
        }
    });
    let mut config = Stop::Deadline.prepare(with_attempts(config(&peer), 100));
    config.set_max_connections(2).expect("a number");
    let ids: Vec<_> = (0..20_000).map(|id| id.to_string()).collect();
    let mut plan = Plan::new();
    plan.add(None, "unlucky", ["unlucky"].into_iter())
        .expect("an id");
    plan.add(None, "lucky", ids.iter().map(String::as_str))
        .expect("ids");
    let run = delete_plan(&client(&config), &plan, None);
    run.expect_time(LIMIT);
    assert_eq!(run.outcomes[0], Outcome::Unknown);
    let message = run.report.message(0).expect("a message");
    assert_eq!(message.to_bytes(), b"refused", "the service's words");
    assert_eq!(run.kind(), Some(ErrorKind::TimedOut), "of the others");
    let last_lucky = peer.requests().last().expect("requests").arrived;
    let first = peer.requests()[0].arrived;
    assert!(last_lucky - first > LIMIT / 2, "{run:?}");
}

/// Whoever sees that a run is stopped sees why.
#[test]
fn a_reason_stands_before_its_stop() {
    let refusing = Refusing::new([127, 0, 0, 1]);
    let mut config = config_for(&format!("http://127.0.0.1:{}", refusing.port()));
    config.set_run_timeout_ms(1).expect("a number");
    config.set_max_connections(64).expect("a number");
    let client = client(&config);
    let ids: Vec<_> = (0..64 * 100).map(|id| id.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    for _ in 0..100 {
        let run = delete_with(&client, &ids);
        assert_ne!(run.kind(), Some(ErrorKind::Internal), "{run:?}");
        let is_bug = |position| {
            let message = run
                .report
                .message(position)
                .map(|text| text.to_string_lossy());
            message.is_some_and(|text| text.contains("bug"))
        };
        assert!(!(0..run.report.count()).any(is_bug), "{run:?}");
    }
}

/// Answers of others stay true when one more batch is never begun.
#[test]
fn between_batches() {
    let monitor = Arc::new(Monitor::default());
    let cancel = Arc::clone(&monitor);
    let peer = Peer::start(Over::Plain, move |mut visit| {
        while let Some(request) = visit.request() {
            cancel.cancel();
            visit.send(success(&request));
        }
    });
    let ids: Vec<_> = (0..250).map(|id| id.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let run = delete_watched(&client(&config(&peer)), &ids, Some(&monitor));
    assert_eq!(run.kind(), Some(ErrorKind::Cancelled));
    let (sent, unsent) = run.outcomes.split_at(100);
    assert!(sent.iter().all(|outcome| *outcome == Outcome::Deleted));
    assert!(unsent.iter().all(|outcome| *outcome == Outcome::NotSent));
    assert_eq!(peer.requests().len(), 1);
}

/// Of several reasons the caller's own comes first, whenever it comes.
#[test]
fn a_cancel_outranks_a_refused_authorization() {
    let (both_asked, cancelled) = (Barrier::new(2), Signal::new());
    let after_cancel = cancelled.clone();
    let peer = Peer::start(Over::Plain, move |mut visit| {
        if visit.request().is_none() {
            return;
        }
        if both_asked.wait().is_leader() {
            visit.send(refusal("401 Unauthorized", ""));
        } else {
            after_cancel.wait();
            visit.send(refusal("503 Service Unavailable", ""));
        }
        visit.await_end();
    });
    let mut config = with_attempts(config(&peer), 2);
    config.set_max_connections(2).expect("a number");
    let ids: Vec<_> = (0..200).map(|id| id.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let monitor = Monitor::default();
    let run = thread::scope(|scope| {
        scope.spawn(|| {
            while monitor.scopes_done() < 100 {
                thread::yield_now();
            }
            monitor.cancel();
            cancelled.set();
        });
        delete_watched(&client(&config), &ids, Some(&monitor))
    });
    assert_eq!(run.kind(), Some(ErrorKind::Cancelled), "{run:?}");
    assert_eq!(run.report.tally(Outcome::Rejected as i32), 100, "{run:?}");
    assert_eq!(run.report.tally(Outcome::Unknown as i32), 100, "{run:?}");
}
