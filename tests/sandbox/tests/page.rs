//! The vendor's page, to the letter.

mod common;

use common::*;
use koodrive_sandbox::{DateHeader, Options, Rejection, Sandbox, ScopeSource, generated_scope_id};
use serde_json::{Value, json};

fn delete(sandbox: &Sandbox, ids: Value) -> Answer {
    call(sandbox, &Call::delete(ids))
}

fn failed(id: &str, code: &str, msg: &str) -> Value {
    json!({ "scopeId": id, "errorCode": code, "msg": msg })
}

fn not_found(id: &str) -> Value {
    failed(id, "15000418", "The backup scope does not exist.")
}

fn repeated(id: &str) -> Value {
    failed(id, "15000424", "Request to repeatedly delete scopeId.")
}

#[test]
fn the_pages_example_is_answered_as_on_the_page() {
    let sandbox = start_with_ids(&["1842846715527366528"]);
    // The API reference shows its ids damaged in the request; these are the ones that its answer is about.
    let answer = delete(
        &sandbox,
        json!([
            "123",
            123,
            345,
            "1760265745989677312",
            "1752777931588940032",
            "1752990708303704321",
            "1842846715527366528"
        ]),
    );
    let on_the_page = r#"{
        "scopeIdList" : [ "1842846715527366528" ],
        "failedScopeList" : [ {
            "scopeId" : "123",
            "errorCode" : "15000424",
            "msg" : "Request to repeatedly delete scopeId."
        }, {
            "scopeId" : "123",
            "errorCode" : "15000418",
            "msg" : "The backup scope does not exist."
        }, {
            "scopeId" : "345",
            "errorCode" : "15000418",
            "msg" : "The backup scope does not exist."
        }, {
            "scopeId" : "1760265745989677312",
            "errorCode" : "15000418",
            "msg" : "The backup scope does not exist."
        }, {
            "scopeId" : "1752777931588940032",
            "errorCode" : "15000418",
            "msg" : "The backup scope does not exist."
        }, {
            "scopeId" : "1752990708303704321",
            "errorCode" : "15000418",
            "msg" : "The backup scope does not exist."
        } ],
        "code" : 0,
        "msg" : "success"
    }"#;
    let on_the_page: Value = serde_json::from_str(on_the_page).unwrap();
    assert_eq!((answer.status, answer.json()), (200, on_the_page));
    assert_eq!(sandbox.scope_count(), Some(0));
}

#[test]
fn the_pages_own_damaged_ids_do_not_exist() {
    let sandbox = start_with_ids(&["1842846715527366528"]);
    let damaged = "1842846715527366700VW5TYWZlSW50ZWdlcg==";
    let answer = delete(&sandbox, json!([damaged])).json();
    assert_eq!(answer["failedScopeList"], json!([not_found(damaged)]));
    assert!(sandbox.exists(USER, DEVICE, "1842846715527366528"));
}

#[test]
fn a_scope_is_deleted_once() {
    let sandbox = start_with_ids(&["1", "2"]);
    let first = delete(&sandbox, json!(["1"])).json();
    assert_eq!(first["scopeIdList"], json!(["1"]));
    let second = delete(&sandbox, json!(["1", "2"])).json();
    assert_eq!(second["scopeIdList"], json!(["2"]));
    assert_eq!(second["failedScopeList"], json!([not_found("1")]));
}

#[test]
fn a_repeated_scope_is_deleted_once_and_refused_once() {
    let sandbox = start_with_ids(&["1"]);
    let answer = delete(&sandbox, json!([1, "1"])).json();
    assert_eq!(answer["scopeIdList"], json!(["1"]));
    assert_eq!(answer["failedScopeList"], json!([repeated("1")]));
}

#[test]
fn scopes_belong_to_one_device_of_one_user() {
    let sandbox = start_with_ids(&["1"]);
    let other_user = Call::delete(json!(["1"])).with("X-User-Id", "someone else");
    let mut other_device = Call::delete(json!(["1"]));
    other_device.target = "/koodrive/ose/v1/backup/device/other/scope".to_owned();
    for other in [other_user, other_device] {
        let answer = call(&sandbox, &other).json();
        assert_eq!(answer["failedScopeList"], json!([not_found("1")]));
    }
    assert!(sandbox.exists(USER, DEVICE, "1"));
}

#[test]
fn every_id_is_exact() {
    let ids = ["9007199254740993", "18446744073709551615", "007", "-5"];
    let sandbox = start_with_ids(&ids);
    let asked = json!([9007199254740993_u64, u64::MAX, "007", -5]);
    let answer = delete(&sandbox, asked).json();
    assert_eq!(answer["scopeIdList"], json!(ids));
    let other_text = delete(&start_with_ids(&["7"]), json!(["007", "+7"])).json();
    assert_eq!(other_text["scopeIdList"], json!([]));
}

#[test]
fn a_hundred_ids_are_the_limit() {
    let sandbox = start(Options::default());
    let ids = |count| (0..count).map(generated_scope_id).collect::<Value>();
    assert_eq!(delete(&sandbox, ids(100)).status, 200);
    assert_parameter_check_failed(&delete(&sandbox, ids(101)));
    assert_eq!(sandbox.totals().deleted, 100);
}

#[test]
fn bodies_that_break_the_contract_are_refused_whole() {
    let sandbox = start(Options::default());
    let longest = "x".repeat(128);
    let too_long = "x".repeat(129);
    assert_eq!(delete(&sandbox, json!([longest])).status, 200);
    for ids in [
        json!([]),
        json!(null),
        json!("1"),
        json!(["1", ""]),
        json!(["1", too_long]),
        json!(["1", "a b"]),
        json!(["1", "é"]),
        json!(["1", 1.5]),
        json!(["1", true]),
        json!(["1", null]),
    ] {
        assert_parameter_check_failed(&delete(&sandbox, ids));
    }
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"scopeIdList":[18446744073709551616]}"#,
    ] {
        let mut broken = Call::delete(json!([]));
        broken.body = body.to_owned();
        assert_parameter_check_failed(&call(&sandbox, &broken));
    }
    assert_eq!(sandbox.totals().deleted, 1);
}

#[test]
fn headers_are_mandatory() {
    let sandbox = start(Options::default());
    let good = Call::delete(json!(["1"]));
    let status = |call: Call| common::call(&sandbox, &call).status;
    assert_eq!(status(good.clone().without("Authorization")), 401);
    assert_eq!(status(good.clone().without("X-Date")), 401);
    assert_eq!(status(good.clone().without("X-User-Id")), 400);
    assert_eq!(status(good.clone().without("Content-Type")), 400);
    assert_eq!(status(good.clone().with("Content-Type", "text/plain")), 400);
    assert_eq!(sandbox.totals().deleted, 0);
    let utf8 = "Application/JSON; charset=utf-8";
    assert_eq!(status(good.with("Content-Type", utf8)), 200);
}

#[test]
fn x_date_lies_in_the_last_fifteen_minutes_of_the_services_clock() {
    for skew in [0, 3600, -3600] {
        let sandbox = start(Options {
            clock_skew_s: skew,
            ..Options::default()
        });
        // Wide of the edges, for time goes by; the edges are the unit tests' own.
        for (age, status) in [(-60, 401), (0, 200), (14 * 60, 200), (15 * 60 + 5, 401)] {
            let dated = Call::delete(json!(["1"])).with("X-Date", &x_date(skew - age));
            assert_eq!(call(&sandbox, &dated).status, status, "{age} s old");
        }
    }
}

#[test]
fn a_bad_x_date_is_refused_as_configured_and_in_the_gateways_words() {
    let sandbox = start(Options {
        x_date_status: 400,
        ..Options::default()
    });
    let answer = call(&sandbox, &Call::delete(json!(["1"])).with("X-Date", "now"));
    let body = answer.json();
    assert_eq!(answer.status, 400);
    assert_eq!(body["error_code"], "APIGW.0301");
    assert_eq!(body["request_id"], answer.header("x-request-id").unwrap());
    let text = body["error_msg"].as_str().unwrap();
    assert!(text.starts_with("Incorrect IAM authentication information: x-date"));
}

#[test]
fn answers_carry_a_date_and_a_request_id_of_their_own() {
    let sandbox = start(Options::default());
    let first = delete(&sandbox, json!(["1"]));
    let second = delete(&sandbox, json!(["1"]));
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    let date = httpdate::parse_http_date(first.header("date").unwrap()).unwrap();
    let date = date
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64;
    assert!((now() - 30..=now()).contains(&date));
}

#[test]
fn the_date_header_can_be_absurd_or_absent() {
    for (date, expected) in [
        (DateHeader::Omitted, None),
        (
            DateHeader::Verbatim("yesterday".to_owned()),
            Some("yesterday"),
        ),
    ] {
        let sandbox = start(Options {
            date,
            ..Options::default()
        });
        assert_eq!(delete(&sandbox, json!(["1"])).header("date"), expected);
    }
}

#[test]
fn ids_can_be_refused_one_by_one_and_batches_whole() {
    let rejection = Rejection {
        error_code: "15000999".to_owned(),
        msg: "The scope is locked.".to_owned(),
    };
    let sandbox = start(Options {
        rejected_ids: [("2".into(), rejection)].into(),
        poison_ids: ["3".into()].into(),
        ..Options::default()
    });
    assert_parameter_check_failed(&delete(&sandbox, json!([1, 2, 3])));
    let answer = delete(&sandbox, json!([1, 2])).json();
    assert_eq!(answer["scopeIdList"], json!(["1"]));
    let locked = failed("2", "15000999", "The scope is locked.");
    assert_eq!(answer["failedScopeList"], json!([locked]));
}

#[test]
fn other_paths_and_methods_are_the_gateways_business() {
    let sandbox = start(Options::default());
    let mut call = Call::delete(json!(["1"]));
    for target in [
        "/koodrive/ose/v1/backup/device//scope",
        "/koodrive/ose/v1/backup/device/a/b/scope",
        "/koodrive/ose/v1/backup/device/1/scope/",
        "/",
    ] {
        call.target = target.to_owned();
        let answer = common::call(&sandbox, &call);
        assert_eq!(answer.status, 404, "{target}");
        assert_eq!(answer.json()["error_code"], "APIGW.0101");
    }
    call = Call::delete(json!(["1"]));
    call.method = "PUT";
    let answer = common::call(&sandbox, &call);
    assert_eq!(
        (answer.status, answer.header("allow")),
        (405, Some("DELETE, GET"))
    );
}

#[test]
fn scopes_can_be_listed() {
    let sandbox = start_with_ids(&["2", "1"]);
    let path = format!("/koodrive/ose/v1/backup/device/{DEVICE}/scope");
    let list = |query: &str| call(&sandbox, &Call::get(&format!("{path}{query}")));
    let scope = |id| {
        json!({
            "scopeId": id,
            "moduleCode": "100",
            "localPath": format!("/storage/emulated/0/{id}"),
            "targetFolderPath": "/backup",
            "createTime": "2025-09-15T06:14:48.630Z",
        })
    };
    assert_eq!(
        list("?moduleCode=100").json()["scopeList"],
        json!([scope("1"), scope("2")])
    );
    assert_eq!(list("?moduleCode=101").json()["scopeList"], json!([]));
    assert_parameter_check_failed(&list(""));
    assert_parameter_check_failed(&list("?moduleCode=103"));
    let unknown = "/koodrive/ose/v1/backup/device/other/scope?moduleCode=100";
    let answer = call(&sandbox, &Call::get(unknown));
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (404, &json!(15000404))
    );
}

#[test]
fn devices_can_be_listed() {
    let described = r#"{ "users": { "u": {
        "7": ["1"],
        "8": { "deviceName": "Magic v3", "deviceOS": "Android", "machineCode": "20250911",
               "createTime": "2025-09-15T06:14:48.630Z",
               "scopes": [{ "scopeId": "2", "moduleCode": "101", "localPath": "/DCIM" }, 3] }
    } } }"#;
    let sandbox = start(Options {
        scopes: serde_json::from_str(described).unwrap(),
        ..Options::default()
    });
    let get = |user: &str, target: &str| {
        let get = Call::get(target).with("X-User-Id", user);
        call(&sandbox, &get)
    };
    let devices = "/koodrive/ose/v1/backup/device";
    assert_eq!(
        get("u", devices).json()["data"],
        json!([
            { "deviceId": "7" },
            { "deviceId": "8", "deviceName": "Magic v3", "deviceOS": "Android",
              "machineCode": "20250911", "createTime": "2025-09-15T06:14:48.630Z" }
        ])
    );
    let album = get("u", &format!("{devices}/8/scope?moduleCode=101")).json();
    assert_eq!(album["scopeList"].as_array().unwrap().len(), 1);
    assert_eq!(album["scopeList"][0]["localPath"], "/DCIM");
    let unknown = get("nobody", devices);
    assert_eq!(
        (unknown.status, &unknown.json()["code"]),
        (404, &json!(15000403))
    );
}

#[test]
fn scopes_can_be_generated() {
    let start_with = |scopes| {
        start(Options {
            scopes,
            ..Options::default()
        })
    };
    let generated = start_with(ScopeSource::Generated {
        count: 2,
        devices: 3,
        users: 5,
    });
    assert_eq!(generated.scope_count(), Some(30));
    let ids = json!([
        1842846715527000000_u64,
        generated_scope_id(1),
        generated_scope_id(2)
    ]);
    let answer = delete(&generated, ids).json();
    assert_eq!(
        answer["scopeIdList"],
        json!(["1842846715527000000", "1842846715527000001"])
    );
    assert_eq!(generated.scope_count(), Some(28));
    assert!(!generated.exists("any", DEVICE, &generated_scope_id(0)));

    let automatic = start_with(ScopeSource::Auto { count: 1 });
    assert!(automatic.exists("any", "any", &generated_scope_id(0)));
    delete(&automatic, json!([generated_scope_id(0)]));
    assert!(!automatic.exists(USER, DEVICE, &generated_scope_id(0)));
    assert!(automatic.exists(USER, "any", &generated_scope_id(0)));
    assert_eq!(automatic.scope_count(), Some(0));

    let everything = start_with(ScopeSource::Everything);
    delete(&everything, json!(["x"]));
    assert!(!everything.exists(USER, DEVICE, "x"));
    assert_eq!(everything.scope_count(), None);
}
