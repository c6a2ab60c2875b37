//! Who may call.

mod common;

use common::*;
use koodrive_sandbox::{App, Options, Token};
use serde_json::{Value, json};

fn status(sandbox: &koodrive_sandbox::Sandbox, authorization: &str) -> u16 {
    let call = Call::delete(json!(["1"])).with("Authorization", authorization);
    common::call(sandbox, &call).status
}

fn token(value: &str, requests: Option<u64>) -> Token {
    let value = value.to_owned();
    Token { value, requests }
}

#[test]
fn every_bearer_token_is_good_unless_some_are_listed() {
    let open = start(Options::default());
    assert_eq!(status(&open, "Bearer anything"), 200);
    assert_eq!(status(&open, "bearer anything"), 200);
    assert_eq!(status(&open, "Bearer"), 401);
    assert_eq!(status(&open, "Basic anything"), 401);
    assert_eq!(status(&open, "Bearer+anything"), 401);

    let listed = start(Options {
        tokens: vec![token("good", None)],
        ..Options::default()
    });
    assert_eq!(status(&listed, "Bearer good"), 200);
    assert_eq!(status(&listed, "Bearer bad"), 401);
}

#[test]
fn a_token_expires() {
    let sandbox = start(Options {
        tokens: vec![token("short", Some(2)), token("long", None)],
        ..Options::default()
    });
    let answers = || status(&sandbox, "Bearer short");
    assert_eq!([answers(), answers(), answers()], [200, 200, 401]);
    assert_eq!(status(&sandbox, "Bearer long"), 200);
    sandbox.reset();
    assert_eq!(status(&sandbox, "Bearer short"), 200);
}

#[test]
fn verbatim_values_are_good_when_listed() {
    let sandbox = start(Options {
        authorizations: vec!["Bearer+60f4ccc7b1".to_owned()],
        ..Options::default()
    });
    assert_eq!(status(&sandbox, "Bearer+60f4ccc7b1"), 200);
    assert_eq!(status(&sandbox, "Bearer+60f4ccc7b2"), 401);
}

#[test]
fn a_user_can_be_forbidden() {
    let sandbox = start(Options {
        forbidden_users: [USER.to_owned()].into(),
        ..Options::default()
    });
    let call = Call::delete(json!(["1"]));
    let answer = common::call(&sandbox, &call);
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["error_code"], "APIGW.0302");
    let other = call.with("X-User-Id", "someone else");
    assert_eq!(common::call(&sandbox, &other).status, 200);
}

/// A vector's request, and a sandbox in whose time and eyes it is good.
fn from_vector(vector: &Value) -> (koodrive_sandbox::Sandbox, Call) {
    let text = |name: &str| vector[name].as_str().unwrap().to_owned();
    let sandbox = start(Options {
        apps: vec![App {
            id: text("appid"),
            secret: text("secret"),
        }],
        clock_skew_s: unix_time(&text("xdate")) + 60 - now(),
        ..Options::default()
    });
    let mut call = match vector["method"].as_str().unwrap() {
        "GET" => Call::get(&(text("path") + "?moduleCode=100")),
        _ => Call::delete(json!([])),
    };
    if call.method == "DELETE" {
        call.target = text("path");
    }
    call.body = text("body");
    let call = call
        .with("Host", &text("host"))
        .with("X-Date", &text("xdate"))
        .with("X-User-Id", &text("uid"))
        .with("Authorization", &text("authorization"));
    (sandbox, call)
}

fn unix_time(x_date: &str) -> i64 {
    let part = |from: usize, to: usize| x_date[from..to].parse::<u8>().unwrap();
    let month = time::Month::try_from(part(4, 6)).unwrap();
    let year = x_date[..4].parse().unwrap();
    let date = time::Date::from_calendar_date(year, month, part(6, 8)).unwrap();
    let time = time::Time::from_hms(part(9, 11), part(11, 13), part(13, 15)).unwrap();
    let moment = time::PrimitiveDateTime::new(date, time);
    moment.assume_utc().unix_timestamp()
}

#[test]
fn the_signature_vectors_are_verified() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../vectors/signature.json")).unwrap();
    let vectors = vectors["cases"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let name = &vector["name"];
        let (sandbox, good) = from_vector(vector);
        assert_eq!(call(&sandbox, &good).status, 200, "{name}");
        let [request] = sandbox.ledger().requests.try_into().unwrap();
        assert_eq!(request.authorization, Some("HMAC-SHA256"));

        let mut other_path = good.clone();
        other_path.target = good.target.replacen("device/", "device/0", 1);
        for tampered in [
            other_path,
            good.clone().with("Host", "elsewhere"),
            good.clone().with("X-User-Id", "u-2"),
            good.with("Authorization", &wrong_signature(vector)),
        ] {
            assert_eq!(call(&sandbox, &tampered).status, 401, "{name}");
        }
    }
}

fn wrong_signature(vector: &Value) -> String {
    let good = vector["authorization"].as_str().unwrap();
    let signature = vector["signature"].as_str().unwrap();
    good.replace(signature, &"0".repeat(64))
}

#[test]
fn a_tampered_body_and_an_unknown_app_are_refused() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../vectors/signature.json")).unwrap();
    let (sandbox, good) = from_vector(&vectors["cases"][0]);
    let mut tampered = good.clone();
    tampered.body = r#"{"scopeIdList":["1"]}"#.to_owned();
    assert_eq!(call(&sandbox, &tampered).status, 401);
    let authorization = vectors["cases"][0]["authorization"].as_str().unwrap();
    let unknown = authorization.replace("AppId=a", "AppId=b");
    let unknown = good.with("Authorization", &unknown);
    assert_eq!(call(&sandbox, &unknown).status, 401);
    assert_eq!(sandbox.totals().deleted, 0);
}
