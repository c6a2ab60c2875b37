//! Each fault, as a client sees it and as the ledger tells it.

mod common;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use common::*;
use koodrive_sandbox::{Fault, Match, Options, RateLimit, Request, Rule, Sandbox, Shape};
use serde_json::{Value, json};

fn ask() -> Call {
    Call::delete(json!(["1", "2", "9"]))
}

/// The answer to `ask` under a fault that changes what is said.
fn distorted(fault: Fault) -> Value {
    let sandbox = start_with_fault(fault);
    let answer = call(&sandbox, &ask());
    assert_eq!(answer.status, 200);
    assert_eq!(only_request(&sandbox).deleted, ["1", "2"]);
    answer.json()
}

fn only_request(sandbox: &Sandbox) -> Request {
    let [request] = sandbox.ledger().requests.try_into().unwrap();
    request
}

fn assert_executed(sandbox: &Sandbox, executed: bool) {
    let request = only_request(sandbox);
    assert_eq!(request.executed, executed);
    assert_eq!(request.deleted.is_empty(), !executed);
    assert_eq!(sandbox.exists(USER, DEVICE, "1"), !executed);
}

/// How the connection ends that gives no answer to `ask`.
fn end_without_answer(sandbox: &Sandbox) -> Result<usize, ErrorKind> {
    let mut client = Client::connect(sandbox);
    client.send(&ask());
    let end = client.receive_to_end();
    assert_eq!(only_request(sandbox).status, None);
    end.map(|bytes| bytes.len()).map_err(|error| error.kind())
}

#[test]
fn latency_delays_the_answer_and_not_the_execution() {
    let sandbox = start_with_fault(Fault::LatencyMs(150));
    let begin = Instant::now();
    let answer = call(&sandbox, &ask());
    assert_eq!(answer.status, 200);
    assert!(begin.elapsed() >= Duration::from_millis(150));

    let sandbox = start_with_fault(Fault::LatencyMs(3_600_000));
    let mut client = Client::connect(&sandbox);
    client.send(&ask());
    wait_for(&sandbox, |totals| totals.deleted == 2);
    drop(client);
    wait_for(&sandbox, |totals| totals.open_connections == 0);
    assert_eq!(sandbox.totals().partial_requests, 0);
}

#[test]
fn a_status_is_answered_without_execution() {
    let sandbox = start_with_fault(Fault::Status {
        status: 429,
        retry_after: Some("7".to_owned()),
        body: None,
        content_type: None,
    });
    let answer = call(&sandbox, &ask());
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("7"))
    );
    assert_eq!(answer.json()["error_code"], "APIGW.0308");
    assert_executed(&sandbox, false);
    assert_eq!(only_request(&sandbox).fault, Some("status"));
}

#[test]
fn a_status_can_have_any_body() {
    let sandbox = start_with_fault(Fault::Status {
        status: 503,
        retry_after: None,
        body: Some("<h1>Sorry</h1>".to_owned()),
        content_type: Some("text/html".to_owned()),
    });
    let answer = call(&sandbox, &ask());
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "<h1>Sorry</h1>")
    );
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(answer.header("retry-after"), None);
}

#[test]
fn a_redirect_leads_elsewhere() {
    let sandbox = start_with_fault(Fault::Redirect {
        status: 307,
        location: "http://127.0.0.1:1/".to_owned(),
    });
    let answer = call(&sandbox, &ask());
    let location = Some("http://127.0.0.1:1/");
    assert_eq!((answer.status, answer.header("location")), (307, location));
    assert_executed(&sandbox, false);
}

#[test]
fn an_answer_is_lost() {
    let sandbox = start_with_fault(Fault::LoseAnswer);
    assert_eq!(end_without_answer(&sandbox), Ok(0));
    assert_executed(&sandbox, true);
}

#[test]
fn a_request_is_dropped() {
    let sandbox = start_with_fault(Fault::DropBefore);
    assert_eq!(end_without_answer(&sandbox), Ok(0));
    assert_executed(&sandbox, false);
}

#[test]
fn a_connection_is_reset() {
    for executed in [true, false] {
        let sandbox = start_with_fault(Fault::Reset { executed });
        assert_eq!(
            end_without_answer(&sandbox),
            Err(ErrorKind::ConnectionReset)
        );
        assert_executed(&sandbox, executed);
    }
}

#[test]
fn a_hanging_request_ends_with_the_client() {
    for executed in [true, false] {
        let sandbox = start_with_fault(Fault::Hang { executed });
        let mut client = Client::connect(&sandbox);
        client.send(&ask());
        wait_for(&sandbox, |totals| totals.requests == 1);
        assert_executed(&sandbox, executed);
        drop(client);
        wait_for(&sandbox, |totals| totals.open_connections == 0);
    }
}

#[test]
fn an_answer_is_cut() {
    let whole = start_with_ids(&["1", "2"]);
    let mut client = Client::connect(&whole);
    client.send(&ask().with("Connection", "close"));
    let length = client.receive_to_end().unwrap().len();
    for bytes in [0, 1, 17, length - 1, length + 1000] {
        let sandbox = start_with_fault(Fault::Truncate { bytes });
        let mut client = Client::connect(&sandbox);
        client.send(&ask());
        let received = client.receive_to_end().unwrap();
        assert_eq!(received.len(), bytes.min(length));
        assert!(b"HTTP/1.1 200 OK\r\n".starts_with(&received[..received.len().min(17)]));
        assert_executed(&sandbox, true);
    }
}

#[test]
fn an_answer_drips() {
    let sandbox = start_with_fault(Fault::Drip { interval_ms: 1 });
    let mut client = Client::connect(&sandbox);
    let begin = Instant::now();
    let answer = client.call(&ask());
    assert_eq!(answer.json()["scopeIdList"], json!(["1", "2"]));
    assert!(begin.elapsed() >= Duration::from_millis(answer.body.len() as u64));

    sandbox.set_faults(Vec::new());
    assert_eq!(client.call(&ask()).status, 200);
}

#[test]
fn a_body_takes_the_place_of_the_answer() {
    for executed in [true, false] {
        let sandbox = start_with_fault(Fault::Body {
            executed,
            body: "{\"code\":".to_owned(),
        });
        let answer = call(&sandbox, &ask());
        assert_eq!((answer.status, answer.body.as_str()), (200, "{\"code\":"));
        assert_executed(&sandbox, executed);
    }
}

#[test]
fn an_answer_names_a_stranger() {
    let answer = distorted(Fault::Stranger("77".into()));
    assert_eq!(answer["scopeIdList"], json!(["1", "2", "77"]));
}

#[test]
fn an_answer_omits_ids() {
    let answer = distorted(Fault::Omit(1));
    assert_eq!(answer["scopeIdList"], json!(["2"]));
    assert_eq!(answer["failedScopeList"][0]["scopeId"], "9");
    let nothing = distorted(Fault::Omit(1000));
    assert_eq!(nothing["scopeIdList"], json!([]));
    assert_eq!(nothing["failedScopeList"], json!([]));
}

#[test]
fn an_answer_names_an_id_twice() {
    let answer = distorted(Fault::Twice);
    assert_eq!(answer["scopeIdList"], json!(["1", "2", "1"]));
}

#[test]
fn an_answer_takes_other_forms() {
    let object = distorted(Fault::Shape(Shape::Object));
    assert_eq!(object["failedScopeList"]["scopeId"], "9");

    let numbers = distorted(Fault::Shape(Shape::Numbers));
    assert_eq!(numbers["scopeIdList"], json!([1, 2]));
    assert_eq!(numbers["failedScopeList"][0]["scopeId"], 9);
    assert_eq!(numbers["failedScopeList"][0]["errorCode"], 15000418);
    assert_eq!(numbers["code"], "0");

    let extra = distorted(Fault::Shape(Shape::ExtraFields));
    assert_eq!(extra["extra"]["code"], 7);
    assert_eq!(extra["code"], 0);

    let all_deleted = |shape| {
        let sandbox = start_with_fault(Fault::Shape(shape));
        call(&sandbox, &Call::delete(json!(["1"]))).json()
    };
    let null = all_deleted(Shape::Null);
    assert_eq!(null.get("failedScopeList"), Some(&Value::Null));
    assert_eq!(all_deleted(Shape::Missing).get("failedScopeList"), None);
    let not_lost = distorted(Fault::Shape(Shape::Null));
    assert_eq!(not_lost["failedScopeList"][0]["scopeId"], "9");
}

#[test]
fn faults_work_under_tls() {
    let sandbox = start(Options {
        tls: true,
        ..Options::default()
    });
    let ca = ureq::tls::Certificate::from_pem(sandbox.ca_pem().unwrap().as_bytes()).unwrap();
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::new_with_certs(&[ca]))
        .build();
    let config = ureq::Agent::config_builder().proxy(None).tls_config(tls);
    let agent = ureq::Agent::from(config.build());
    for (sequence, fault) in (0..).zip([
        Fault::LoseAnswer,
        Fault::Reset { executed: true },
        Fault::Truncate { bytes: 9 },
    ]) {
        sandbox.set_faults(vec![Rule::always(fault)]);
        let answer = agent.get(sandbox.url()).call();
        assert!(
            matches!(answer, Err(ureq::Error::Io(_) | ureq::Error::Protocol(_))),
            "{answer:?}"
        );
        assert_eq!(sandbox.totals().requests, sequence + 1);
    }
}

#[test]
fn a_rule_chooses_its_requests() {
    let sandbox = start_with_ids(&[]);
    let refuse = |status| Fault::Status {
        status,
        retry_after: None,
        body: None,
        content_type: None,
    };
    sandbox.set_faults(vec![
        Rule::during(1..2, refuse(501)),
        Rule {
            requests: Match {
                from: 3,
                count: Some(4),
                every: Some(2.try_into().unwrap()),
                ..Match::default()
            },
            fault: refuse(502),
        },
        Rule {
            requests: Match {
                user: Some("Li".to_owned()),
                device: Some(DEVICE.to_owned()),
                ..Match::default()
            },
            fault: refuse(503),
        },
    ]);
    let mut client = Client::connect(&sandbox);
    let statuses: Vec<_> = (0..8).map(|_| client.call(&ask()).status).collect();
    assert_eq!(statuses, [200, 501, 200, 502, 200, 502, 200, 200]);
    let of_li = ask().with("X-User-Id", "Li");
    assert_eq!(client.call(&of_li).status, 503);
    let mut elsewhere = of_li;
    elsewhere.target = elsewhere.target.replace(DEVICE, "other");
    assert_eq!(client.call(&elsewhere).status, 200);
}

#[test]
fn a_rate_limit_lets_so_many_pass() {
    let limit = RateLimit {
        per_second: 0.001,
        burst: 2.0,
        retry_after: Some("7".into()),
    };
    let sandbox = start(Options {
        rate_limit: Some(limit),
        ..Options::default()
    });
    let statuses: Vec<_> = (0..4).map(|_| call(&sandbox, &ask()).status).collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
    assert_eq!(sandbox.totals().deleted, 3);
}

#[test]
fn faults_may_last_for_a_while() {
    let during = |from_ms, for_ms| Rule {
        requests: Match {
            from_ms,
            for_ms,
            ..Match::default()
        },
        fault: Fault::Omit(1),
    };
    for (rule, befalls) in [
        (during(0, None), true),
        (during(0, Some(3_600_000)), true),
        (during(3_600_000, None), false),
        (during(0, Some(0)), false),
    ] {
        let sandbox = start_with_ids(&["1", "2"]);
        sandbox.set_faults(vec![rule]);
        call(&sandbox, &ask());
        assert_eq!(only_request(&sandbox).fault.is_some(), befalls);
    }
}
