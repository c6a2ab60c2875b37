//! What is remembered, and the same over HTTP.

mod common;

use common::*;
use koodrive_sandbox::Options;
use serde_json::{Value, json};

#[test]
fn a_request_is_told_in_full_and_its_secret_is_not() {
    let sandbox = start_with_ids(&["2"]);
    let mut request = Call::delete(json!(["1", 2])).with("Authorization", "Bearer s3cr3t");
    request.target = format!(
        "{}?x=1",
        request.target.replace(DEVICE, "phone%20of%20Li%2F2")
    );
    call(&sandbox, &request);
    let answer = call(
        &sandbox,
        &Call::delete(json!([1, "2"])).with("X-Date", "bad"),
    );
    assert_eq!(answer.status, 401);
    call(&sandbox, &Call::delete(json!([1, "2"])));

    let text = call(&sandbox, &Call::get("/sandbox/ledger")).body;
    assert!(!text.contains("s3cr3t"));
    let ledger: Value = serde_json::from_str(&text).unwrap();
    let requests = ledger["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 3);
    assert_eq!(
        requests[0],
        json!({
            "sequence": 0,
            "connection": 0,
            "method": "DELETE",
            "path": "/koodrive/ose/v1/backup/device/phone%20of%20Li%2F2/scope?x=1",
            "user": USER,
            "device": "phone of Li/2",
            "ids": ["1", "2"],
            "x_date": request.headers.iter().find(|(name, _)| *name == "X-Date").unwrap().1,
            "authorization": "Bearer",
            "status": 200,
            "fault": null,
            "executed": true,
            "deleted": [],
        })
    );
    assert_eq!(requests[1]["executed"], false);
    assert_eq!(requests[1]["status"], 401);
    assert_eq!(requests[2]["deleted"], json!(["2"]));
    assert_eq!(ledger["totals"]["deleted"], 1);
}

#[test]
fn a_verbatim_authorization_is_not_kept_either() {
    let sandbox = start(Options::default());
    call(
        &sandbox,
        &Call::delete(json!([1])).with("Authorization", "s3cr3t"),
    );
    call(&sandbox, &Call::delete(json!([1])).without("Authorization"));
    let requests = sandbox.ledger().requests;
    assert_eq!(requests[0].authorization, Some("other"));
    assert_eq!(requests[1].authorization, None);
}

#[test]
fn connections_are_counted() {
    let sandbox = start(Options::default());
    let mut first = Client::connect(&sandbox);
    let mut second = Client::connect(&sandbox);
    first.call(&Call::delete(json!([1])));
    second.call(&Call::delete(json!([1])));
    first.call(&Call::delete(json!([1])));
    drop((first, second));
    wait_for(&sandbox, |totals| totals.open_connections == 0);
    let totals = sandbox.totals();
    assert_eq!((totals.connections, totals.peak_connections), (2, 2));
    let connections = sandbox
        .ledger()
        .requests
        .into_iter()
        .map(|request| request.connection);
    assert_eq!(connections.collect::<Vec<_>>(), [0, 1, 0]);
}

#[test]
fn a_request_that_never_becomes_whole_is_only_counted() {
    let sandbox = start(Options::default());
    let in_the_body = Call::delete(json!([1]));
    let mut in_the_head = Call::get("/koodrive");
    in_the_head.headers.clear();
    for (count, partial) in [(1, in_the_body), (2, in_the_head)] {
        let mut client = Client::connect(&sandbox);
        client.send_partly(&partial);
        drop(client);
        wait_for(&sandbox, |totals| totals.partial_requests == count);
    }
    let idle = Client::connect(&sandbox);
    wait_for(&sandbox, |totals| totals.connections == 3);
    drop(idle);
    wait_for(&sandbox, |totals| totals.open_connections == 0);
    let totals = sandbox.totals();
    assert_eq!((totals.partial_requests, totals.requests), (2, 0));
}

#[test]
fn the_sandbox_is_read_and_ruled_over_http() {
    let sandbox = start_with_ids(&["2", "1"]);
    let mut client = Client::connect(&sandbox);
    let faults = r#"[{"match": {"from": 1}, "fault": {"status": {"status": 503}}}]"#;
    assert_eq!(
        client.call(&Call::post("/sandbox/faults", faults)).status,
        204
    );
    assert_eq!(client.call(&Call::delete(json!([1]))).status, 200);
    assert_eq!(client.call(&Call::delete(json!([1]))).status, 503);

    let scopes = format!("/sandbox/scopes?user={USER}&device={DEVICE}");
    assert_eq!(
        client.call(&Call::get(&scopes)).json(),
        json!({ "scopes": ["2"] })
    );
    let summary = client.call(&Call::get("/sandbox/ledger?summary=1")).json();
    let totals = json!({
        "requests": 2,
        "partial_requests": 0,
        "deleted": 1,
        "connections": 1,
        "open_connections": 1,
        "peak_connections": 1,
    });
    assert_eq!(summary, json!({ "totals": totals }));

    assert_eq!(client.call(&Call::post("/sandbox/reset", "")).status, 204);
    assert_eq!(sandbox.totals().requests, 0);
    assert_eq!(
        client.call(&Call::get(&scopes)).json(),
        json!({ "scopes": ["1", "2"] })
    );
    let answers = [1, 2].map(|_| client.call(&Call::delete(json!([1]))).status);
    assert_eq!(answers, [200, 200]);
}

#[test]
fn what_the_sandbox_does_not_understand_it_refuses() {
    let sandbox = start(Options::default());
    for faults in [
        "",
        "{}",
        r#"[{"fault": "unheard-of"}]"#,
        r#"[{"fault": "twice", "x": 1}]"#,
        r#"[{"fault": {"status": {"status": 503, "retry-after": "1"}}}]"#,
    ] {
        let answer = call(&sandbox, &Call::post("/sandbox/faults", faults));
        assert_eq!(answer.status, 400, "{faults}");
        assert!(answer.json()["error"].is_string());
    }
    assert_eq!(
        call(&sandbox, &Call::get("/sandbox/scopes?user=u")).status,
        400
    );
    assert_eq!(call(&sandbox, &Call::get("/sandbox/other")).status, 404);
}
