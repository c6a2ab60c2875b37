//! Connections lost, and answers that come, while the request is still being written.

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::monitor::Monitor;
use koodrive::plan::Plan;
use koodrive::report::Outcome;

use crate::answers::{deleted, framed, refusal, success};
use crate::client::{DEVICE, Run, client, config, delete_plan, delete_with, with_attempts};
use crate::peer::{Over, Peer};

/// 100 ids of the greatest length, of which JSON writes twice as much.
fn long_ids() -> Vec<String> {
    (0..100).map(|number| format!("{number:\\>128}")).collect()
}

/// Sends a request of 42 KB; where the peer is narrow, the kernel can't hold that.
pub fn delete_much(config: &Config) -> Run {
    delete_much_with(&client(config), None)
}

pub fn delete_much_with(client: &Client, monitor: Option<&Monitor>) -> Run {
    let mut plan = Plan::new();
    let user = "u".repeat(8_000);
    let ids = long_ids();
    let added = plan.add(Some(&user), DEVICE, ids.iter().map(String::as_str));
    added.expect("ids");
    let token = "t".repeat(7_990);
    client.set_access_token(&token).expect("a token");
    delete_plan(client, &plan, monitor)
}

#[test]
fn lost_is_not_sent() {
    for over in Over::BOTH {
        let peer = Peer::start_narrow(over, |mut visit| {
            visit.begin();
            match visit.index % 2 {
                0 => visit.reset(),
                _ => visit.cut(),
            }
        });
        let run = delete_much(&with_attempts(config(&peer), 2));
        run.expect_in(
            &format!("{over:?}"),
            Outcome::NotSent,
            ErrorKind::Unreachable,
        );
        assert_eq!(peer.visits(), 2);
        assert_eq!(peer.requests().len(), 0);
    }
}

#[test]
fn lost_is_tried_again() {
    for over in Over::BOTH {
        let peer = Peer::start_narrow(over, |mut visit| {
            if visit.index == 0 {
                visit.begin();
                return visit.reset();
            }
            visit.widen();
            if visit.request().is_some() {
                // NOT_FOUND, not GONE: the first try did nothing.
                let failed = |id| serde_json::json!({"scopeId": id, "errorCode": "15000418"});
                let failed: Vec<_> = long_ids().into_iter().map(failed).collect();
                let body = serde_json::json!({"code": 0, "failedScopeList": failed});
                visit.send(framed("200 OK", "", body.to_string()));
            }
            visit.await_end();
        });
        let run = delete_much(&with_attempts(config(&peer), 2));
        run.expect_in(&format!("{over:?}"), Outcome::NotFound, None);
        assert_eq!(peer.requests().len(), 1);
    }
}

/// A peer that has answered well keeps its connection; the next request finds it lost on the way.
#[test]
fn lost_on_a_used_connection_is_not_sent() {
    for over in Over::BOTH {
        let peer = Peer::start_narrow(over, |mut visit| {
            if let Some(request) = visit.request() {
                visit.send(success(&request));
                // The next one.
                visit.begin();
                visit.reset();
            }
        });
        let client = client(&config(&peer));
        delete_with(&client, &["1"]).expect(Outcome::Deleted, None);
        let run = delete_much_with(&client, None);
        run.expect_in(
            &format!("{over:?}"),
            Outcome::NotSent,
            ErrorKind::Unreachable,
        );
        assert_eq!(peer.visits(), 1);
    }
}

#[test]
fn an_early_refusal_wins() {
    let cases = [
        ("400 Bad Request", ErrorKind::Service),
        ("401 Unauthorized", ErrorKind::Unauthorized),
        ("413 Content Too Large", ErrorKind::Service),
        ("409 Conflict", ErrorKind::Service),
    ];
    for over in Over::BOTH {
        for (status, kind) in cases {
            for gently in [false, true] {
                let peer = Peer::start_narrow(over, move |mut visit| {
                    visit.begin();
                    visit.send(refusal(status, ""));
                    match gently {
                        true => visit.close(),
                        false => visit.reset(),
                    }
                });
                let case = format!("{status} over {over:?}, gently: {gently}");
                let run = delete_much(&config(&peer));
                run.expect_in(&case, Outcome::Rejected, kind);
                let error = run.error.expect("an error");
                assert_eq!(error.http_status, status[..3].parse().ok(), "{case}");
                assert_eq!(error.service_code.as_deref(), Some("APIGW.0308"), "{case}");
                assert_eq!(peer.requests().len(), 0, "{case}");
            }
        }
    }
}

/// Only a refusal can be true of a request that did not arrive whole.
#[test]
fn another_early_answer_does_not() {
    for over in Over::BOTH {
        for status in ["200 OK", "307 X", "408 Request Timeout", "503 X"] {
            let peer = Peer::start_narrow(over, move |mut visit| {
                visit.begin();
                visit.send(framed(status, "", deleted(&long_ids())));
                visit.reset();
            });
            let run = delete_much(&config(&peer));
            let case = format!("{status} over {over:?}");
            run.expect_in(&case, Outcome::NotSent, ErrorKind::Unreachable);
        }
    }
}

/// An early refusal whose writer still reads: nothing is lost, and it holds all the same.
#[test]
fn an_early_refusal_with_a_patient_reader() {
    for over in Over::BOTH {
        let peer = Peer::start_narrow(over, move |mut visit| {
            visit.begin();
            visit.send(refusal("413 Content Too Large", "Connection: close\r\n"));
            visit.widen();
            visit.await_end();
        });
        let run = delete_much(&config(&peer));
        run.expect(Outcome::Rejected, ErrorKind::Service);
    }
}
