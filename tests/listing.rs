//! The calls that list: the requests they send, what each response means, and that a list is whole or an
//! error.

mod common;

use std::ffi::CStr;
use std::time::Duration;

use common::*;
use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::{Error, ErrorKind};
use koodrive::listing::{Devices, Scopes};
use koodrive::monitor::Monitor;
use koodrive::plan::Plan;
use koodrive_sandbox::{App, Fault, Options, RateLimit, Rule, Sandbox, ScopeSource, Shape};
use serde_json::{Value, json};

const DESCRIBED: &str = r#"{ "users": { "1505084218764547200": {
    "1775406005920779393": { "deviceName": "Magic v3", "deviceOS": "Android 15", "machineCode": "20250911",
        "createTime": "2025-09-15T06:14:48.630Z", "scopes": [] },
    "1842812272691451648": [
        { "scopeId": "3", "moduleCode": "102", "localPath": "/Contacts" },
        { "scopeId": "2", "moduleCode": "101", "localPath": "/DCIM/Summer", "targetFolderPath": "/backup/a",
          "createTime": "2025-11-03T07:01:40.000Z" },
        { "scopeId": "1", "moduleCode": "100", "localPath": "/Documents" },
        { "scopeId": "4", "moduleCode": "101", "localPath": "/DCIM/Winter" }
    ]
} } }"#;

fn described() -> Sandbox {
    sandbox(Options {
        scopes: serde_json::from_str(DESCRIBED).unwrap(),
        ..Options::default()
    })
}

/// A client that does not wait long, for `attempts` at most.
fn client_with(sandbox: &Sandbox, attempts: u32) -> Client {
    let mut config = config(sandbox);
    config.set_max_attempts(attempts).unwrap();
    Client::new(&config).unwrap()
}

/// What the response with this body makes of a list of devices and of one of albums.
fn listed(body: &str) -> (Result<Devices, Error>, Result<Scopes, Error>) {
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![Rule::always(Fault::Body {
        executed: true,
        body: body.to_owned(),
    })]);
    let client = client_with(&sandbox, 1);
    (
        client.list_devices(None, None),
        client.list_scopes(None, DEVICE, Some("101"), None),
    )
}

fn text(text: Option<&CStr>) -> Option<&str> {
    text.map(|text| text.to_str().unwrap())
}

fn ids(scopes: &Scopes) -> Vec<&str> {
    (0..scopes.count())
        .map(|index| text(scopes.scope_id(index)).unwrap())
        .collect()
}

#[test]
fn devices_come_in_the_services_order_with_what_it_says() {
    let sandbox = described();
    let devices = client(&sandbox).list_devices(None, None).unwrap();
    assert_eq!(devices.count(), 2);
    assert_eq!(text(devices.device_id(0)), Some("1775406005920779393"));
    assert_eq!(text(devices.name(0)), Some("Magic v3"));
    assert_eq!(text(devices.os(0)), Some("Android 15"));
    assert_eq!(text(devices.machine_code(0)), Some("20250911"));
    assert_eq!(
        text(devices.created_at(0)),
        Some("2025-09-15T06:14:48.630Z")
    );
    assert_eq!(text(devices.device_id(1)), Some(DEVICE));
    assert_eq!(text(devices.name(1)), None);
    assert_eq!(text(devices.device_id(2)), None);

    let ledger = sandbox.ledger();
    let [request] = &ledger.requests[..] else {
        panic!("one request: {ledger:?}");
    };
    assert_eq!(request.method, "GET");
    assert_eq!(request.path, "/koodrive/ose/v1/backup/device");
    assert_eq!(request.user.as_deref(), Some(USER));
    assert_eq!(request.authorization, Some("Bearer"));
    assert!(request.x_date.is_some());
}

#[test]
fn scopes_of_one_module_take_one_request() {
    let sandbox = described();
    let scopes = client(&sandbox)
        .list_scopes(Some(USER), DEVICE, Some("101"), None)
        .unwrap();
    assert_eq!(ids(&scopes), ["2", "4"]);
    assert_eq!((scopes.user_id(), scopes.device_id()), (USER, DEVICE));
    assert_eq!(text(scopes.module_code(0)), Some("101"));
    assert_eq!(text(scopes.local_path(0)), Some("/DCIM/Summer"));
    assert_eq!(text(scopes.target_folder_path(0)), Some("/backup/a"));
    assert_eq!(text(scopes.created_at(0)), Some("2025-11-03T07:01:40.000Z"));
    let requests = sandbox.ledger().requests;
    assert_eq!(requests.len(), 1);
    assert_eq!(
        requests[0].path,
        format!("/koodrive/ose/v1/backup/device/{DEVICE}/scope?moduleCode=101")
    );
}

#[test]
fn scopes_of_all_modules_take_one_request_each() {
    let sandbox = described();
    let scopes = client(&sandbox)
        .list_scopes(None, DEVICE, None, None)
        .unwrap();
    assert_eq!(ids(&scopes), ["1", "2", "4", "3"]);
    let modules: Vec<_> = sandbox
        .ledger()
        .requests
        .iter()
        .map(|request| request.path.clone())
        .collect();
    assert_eq!(modules.len(), 3);
    for (path, module) in modules.iter().zip(["100", "101", "102"]) {
        assert!(
            path.ends_with(&format!("/scope?moduleCode={module}")),
            "{path}"
        );
    }
    assert_eq!(sandbox.totals().connections, 1);
}

#[test]
fn what_is_listed_can_be_deleted_and_is_gone_from_the_list() {
    let sandbox = described();
    let client = client(&sandbox);
    let album = client.list_scopes(None, DEVICE, Some("101"), None).unwrap();
    let mut plan = Plan::new();
    plan.add_scopes(&album).unwrap();
    let (report, error) = delete(&client, &plan);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(text(report.user_id(0)), Some(USER));
    assert_eq!(text(report.device_id(0)), Some(DEVICE));
    assert_eq!(sandbox.totals().deleted, 2);
    let rest = client.list_scopes(None, DEVICE, None, None).unwrap();
    assert_eq!(ids(&rest), ["1", "3"]);
    assert_eq!(
        sandbox.totals().connections,
        1,
        "all use the same connection"
    );
}

#[test]
fn names_and_modules_are_encoded_and_signed() {
    let device = "phone of Li/2 ü";
    let sandbox = sandbox(Options {
        scopes: ScopeSource::Auto { count: 10 },
        apps: vec![App {
            id: "an-app".into(),
            secret: "its-secret".into(),
        }],
        ..Options::default()
    });
    let mut config = Config::new();
    config.set_endpoint(sandbox.url()).unwrap();
    config.set_app_credentials("an-app", "its-secret").unwrap();
    let client = Client::new(&config).unwrap();
    assert!(client.list_devices(Some("u"), None).is_ok());
    assert_eq!(
        client
            .list_scopes(Some("u"), device, None, None)
            .unwrap()
            .count(),
        10
    );
    let error = client
        .list_scopes(Some("u"), device, Some("a+b&c=d%"), None)
        .unwrap_err();
    // The sandbox knows no such module, and accepts the signature.
    assert_eq!(error.service_code.as_deref(), Some("13000102"));
    let path = sandbox.ledger().requests.last().unwrap().path.clone();
    assert!(
        path.ends_with("/phone%20of%20Li%2F2%20%C3%BC/scope?moduleCode=a%2Bb%26c%3Dd%25"),
        "{path}"
    );
}

#[test]
fn an_empty_list_may_have_any_form() {
    let forms = ["[]", "null", r#""""#, "{}"];
    let named = forms.map(|form| format!(r#"{{"code":0,"data":{form},"scopeList":{form}}}"#));
    for body in named
        .iter()
        .map(String::as_str)
        .chain([r#"{"code":0}"#, r#"{"code":"0","msg":"ok"}"#])
    {
        let (devices, scopes) = listed(body);
        assert_eq!(devices.unwrap().count(), 0, "{body}");
        assert_eq!(scopes.unwrap().count(), 0, "{body}");
    }
}

/// Taken for an empty list, it would say of a device that nothing is left on it.
#[test]
fn a_list_by_another_name_is_not_an_empty_one() {
    let others = [
        r#""data":{"scopeList":[{"scopeId":"1"}]}"#,
        r#""scopes": [ {"scopeId":"1"} ],"deviceList":[{"deviceId":"1"}]"#,
        r#""scopeList":null,"data":null,"page":{"of":[1,[{"id":"1"}]]}"#,
        r#""x\"[]":"[","result":[{}]"#,
    ];
    for other in others {
        let (devices, scopes) = listed(&format!(r#"{{"code":0,{other}}}"#));
        let (devices, scopes) = (devices.unwrap_err(), scopes.unwrap_err());
        assert_eq!(devices.kind, ErrorKind::InvalidResponse, "{other}");
        assert_eq!(scopes.kind, ErrorKind::InvalidResponse, "{other}");
        assert!(scopes.message.contains("no scopeList"), "{scopes}");
    }
    // What lists nothing, and what stands beside the list.
    let harmless = [
        r#""x":"[{","y":"\"[{\\","traceId":{"a":[1,[],"[{"]}"#,
        r#""scopeList":[],"data":[],"x":[{"scopeId":"1"}]"#,
        r#""x":[{"scopeId":"1"}],"scopeList":"","data":{}"#,
    ];
    for other in harmless {
        let (devices, scopes) = listed(&format!(r#"{{"code":0,{other}}}"#));
        assert_eq!(devices.unwrap().count(), 0, "{other}");
        assert_eq!(scopes.unwrap().count(), 0, "{other}");
    }
}

#[test]
fn ids_and_codes_may_be_numbers() {
    let body = json!({ "code": "0", "data": [{ "deviceId": 1842812272691451649_u64, "machineCode": 20250911 }],
        "scopeList": [{ "scopeId": 1842846715527000001_u64, "moduleCode": 101 }] });
    let (devices, scopes) = listed(&body.to_string());
    let (devices, scopes) = (devices.unwrap(), scopes.unwrap());
    assert_eq!(text(devices.device_id(0)), Some("1842812272691451649"));
    assert_eq!(text(devices.machine_code(0)), Some("20250911"));
    assert_eq!(text(scopes.scope_id(0)), Some("1842846715527000001"));
    assert_eq!(text(scopes.module_code(0)), Some("101"));
}

#[test]
fn everything_but_ids_may_be_missing_or_of_another_type() {
    let strange = [
        json!(null),
        json!(true),
        json!(1.5),
        json!({ "a": [1] }),
        json!([[]]),
    ];
    for strange in strange {
        let body = json!({ "code": 0, "msg": strange, "traceId": strange,
            "data": [{ "deviceId": "7", "deviceName": strange, "deviceOS": strange, "machineCode": strange,
                       "createTime": strange, "more": strange }],
            "scopeList": [{ "scopeId": "8", "moduleCode": strange, "localPath": strange,
                            "targetFolderPath": strange, "createTime": strange, "more": strange }] });
        let (devices, scopes) = listed(&body.to_string());
        let (devices, scopes) = (devices.unwrap(), scopes.unwrap());
        assert_eq!(text(devices.device_id(0)), Some("7"));
        assert_eq!(text(devices.name(0)), None);
        assert_eq!(text(scopes.scope_id(0)), Some("8"));
        assert_eq!(text(scopes.local_path(0)), None);
    }
}

/// JSON's grammar allows surrogates that stand alone, and numbers beyond all ranges.
#[test]
fn no_text_but_an_id_fails_a_list() {
    let texts = [
        (r#""/DCIM/\ud83d""#, Some("/DCIM/\u{fffd}")),
        (
            r#""\uDE00/\ud83d\ud83d\ude00\\x""#,
            Some("\u{fffd}/\u{fffd}\u{1f600}\\x"),
        ),
        (
            r#""\ud83d\n\ud83dabc\u0000""#,
            Some("\u{fffd}\n\u{fffd}abc\u{fffd}"),
        ),
        (r#""plain \u00e4\/\"""#, Some("plain ä/\"")),
        (r#"{"\ud83d":["\ud83d"]}"#, None),
        ("1e999", None),
    ];
    for (json, expected) in texts {
        let body = format!(
            r#"{{"code":0,"msg":{json},"traceId":{json},
                "data":[{{"deviceId":"7","deviceName":{json},"deviceOS":{json}}}],
                "scopeList":[{{"scopeId":"8","localPath":{json},"targetFolderPath":{json},"createTime":{json}}}]}}"#
        );
        let (devices, scopes) = listed(&body);
        let (devices, scopes) = (devices.unwrap(), scopes.unwrap());
        assert_eq!(text(devices.name(0)), expected, "{json}");
        assert_eq!(text(devices.os(0)), expected, "{json}");
        assert_eq!(text(scopes.local_path(0)), expected, "{json}");
        assert_eq!(text(scopes.created_at(0)), expected, "{json}");
    }
    let id = r#"{"code":0,"data":[{"deviceId":"7\ud83d"}],"scopeList":[{"scopeId":"8\ud83d"}]}"#;
    let (devices, scopes) = listed(id);
    assert_eq!(devices.unwrap_err().kind, ErrorKind::InvalidResponse);
    assert_eq!(scopes.unwrap_err().kind, ErrorKind::InvalidResponse);
}

#[test]
fn an_entry_that_can_t_be_used_fails_the_whole_list() {
    let ids: [(Value, &str); 13] = [
        (json!(null), "it has no "),
        (json!(""), "empty"),
        (json!(1.5), ""),
        (json!(1e300), ""),
        (json!(true), ""),
        (json!(["1"]), ""),
        (json!({ "id": "1" }), ""),
        (json!("1.5e3"), "damaged"),
        (json!("1752990708303704300VW5TYWZlSW50ZWdlcg=="), "damaged"),
        (json!("with a blank"), "visible ASCII"),
        (json!("line\nend"), ""),
        (json!("nul\0"), ""),
        (json!("9".repeat(600)), "longer than"),
    ];
    for (id, complaint) in ids {
        for is_device in [true, false] {
            let is_fine_for_devices = matches!(id.as_str(), Some(text) if ["1.5e3", "with a blank"].contains(&text) || text.ends_with("=="));
            if is_device && is_fine_for_devices {
                continue;
            }
            let body = json!({ "code": 0, "data": [{ "deviceId": "7" }, { "deviceId": id }],
                "scopeList": [{ "scopeId": "7" }, { "scopeId": id }] });
            let (devices, scopes) = listed(&body.to_string());
            let error = match is_device {
                true => devices.unwrap_err(),
                false => scopes.unwrap_err(),
            };
            assert_eq!(error.kind, ErrorKind::InvalidResponse, "{id}: {error}");
            assert!(error.message.contains(complaint), "{id}: {error}");
            assert_eq!(error.http_status, Some(200));
        }
    }
    for entry in ["null", "[]", r#"["1"]"#, "7", r#""7""#, "{}"] {
        let list = format!(r#"[{{"deviceId":"7","scopeId":"7"}},{entry}]"#);
        let (devices, scopes) =
            listed(&format!(r#"{{"code":0,"data":{list},"scopeList":{list}}}"#));
        assert_eq!(
            devices.unwrap_err().kind,
            ErrorKind::InvalidResponse,
            "{entry}"
        );
        assert_eq!(
            scopes.unwrap_err().kind,
            ErrorKind::InvalidResponse,
            "{entry}"
        );
    }
}

#[test]
fn a_body_that_is_no_list_is_an_error() {
    let bodies = [
        "",
        "null",
        "[]",
        "<html>",
        r#"{"code":0,"data":7,"scopeList":7}"#,
        r#"{"code":0,"data":"none","scopeList":"none"}"#,
        r#"{"code":0,"data":{"deviceId":"7"},"scopeList":{"scopeId":"7"}}"#,
        r#"{"code":0,"data":[],"data":[],"scopeList":[],"scopeList":[]}"#,
        r#"{"code":0,"data":[{"deviceId":"7"}],"scopeList":[{"scopeId":"7"}]"#,
        r#"{"code":0,"data":[],"scopeList":[]} {}"#,
        r#"{"data":[],"scopeList":[]}"#,
        "{\"code\":0,\"msg\":\"\u{0}\"}",
    ];
    for body in bodies {
        let (devices, scopes) = listed(body);
        assert_eq!(
            devices.unwrap_err().kind,
            ErrorKind::InvalidResponse,
            "{body}"
        );
        assert_eq!(
            scopes.unwrap_err().kind,
            ErrorKind::InvalidResponse,
            "{body}"
        );
    }
}

#[test]
fn a_scope_of_another_module_than_was_asked_for_fails_the_list() {
    let body = r#"{"code":0,"scopeList":[{"scopeId":"1","moduleCode":"101"},{"scopeId":"2","moduleCode":"100"}]}"#;
    let error = listed(body).1.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidResponse);
    assert!(error.message.contains("scopeList[1]"), "{error}");
    assert!(error.message.contains("\"100\""), "{error}");
}

#[test]
fn the_service_says_why_it_refuses() {
    let sandbox = described();
    let client = client(&sandbox);
    let error = client
        .list_scopes(None, "unknown", Some("101"), None)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Service);
    assert_eq!(error.http_status, Some(404));
    assert_eq!(error.service_code.as_deref(), Some("15000404"));
    assert!(
        error.message.contains("The device does not exist."),
        "{error}"
    );
    assert!(error.request_id.is_some());
    let error = client.list_devices(Some("nobody"), None).unwrap_err();
    assert_eq!(error.service_code.as_deref(), Some("15000403"));
    assert_eq!(sandbox.totals().requests, 2, "a refusal is not tried again");
    let (devices, _) = listed(r#"{"code":15000999,"msg":"The user is locked.","data":[]}"#);
    let error = devices.unwrap_err();
    assert_eq!(
        (error.kind, error.service_code.as_deref()),
        (ErrorKind::Service, Some("15000999"))
    );
}

#[test]
fn a_refused_authorization_is_unauthorized() {
    let sandbox = described();
    sandbox.set_faults(vec![Rule::always(status(401))]);
    let error = client(&sandbox).list_devices(None, None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert_eq!(sandbox.totals().requests, 1);
}

#[test]
fn what_may_pass_is_tried_again() {
    let faults = [
        status(500),
        status(502),
        status(429),
        Fault::DropBefore,
        Fault::LoseAnswer,
        Fault::Reset { executed: true },
        Fault::Truncate { bytes: 150 },
        Fault::Body {
            executed: true,
            body: "<html>".to_owned(),
        },
    ];
    for fault in faults {
        let sandbox = described();
        // Also where the run ends some time.
        let mut timed = config(&sandbox);
        timed.set_run_timeout_ms(600_000).unwrap();
        for config in [config(&sandbox), timed] {
            sandbox.reset();
            sandbox.set_faults(vec![Rule::during(1..2, fault.clone())]);
            let scopes = Client::new(&config)
                .unwrap()
                .list_scopes(None, DEVICE, None, None)
                .unwrap();
            assert_eq!(ids(&scopes), ["1", "2", "4", "3"], "{fault:?}");
            assert_eq!(sandbox.totals().requests, 4, "{fault:?}");
        }
    }
}

#[test]
fn attempts_are_counted_for_each_request() {
    let sandbox = described();
    sandbox.set_faults(vec![Rule::during(1..100, Fault::LoseAnswer)]);
    let error = client_with(&sandbox, 3)
        .list_scopes(None, DEVICE, None, None)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert_eq!(sandbox.totals().requests, 1 + 3);
}

#[test]
fn a_wrong_clock_is_corrected() {
    let sandbox = sandbox(Options {
        clock_skew_s: -3_600,
        ..Options::default()
    });
    assert!(client(&sandbox).list_devices(None, None).is_ok());
    assert_eq!(sandbox.totals().requests, 2);
}

#[test]
fn a_limited_rate_is_kept() {
    let sandbox = sandbox(Options {
        scopes: ScopeSource::Auto { count: 10 },
        rate_limit: Some(RateLimit {
            per_second: 20.0,
            burst: 1.0,
            retry_after: None,
        }),
        ..Options::default()
    });
    let client = client_with(&sandbox, 1);
    for _ in 0..5 {
        assert_eq!(
            client
                .list_scopes(None, DEVICE, None, None)
                .unwrap()
                .count(),
            10
        );
    }
}

#[test]
fn cancelling_ends_it_amid_a_response() {
    let sandbox = described();
    sandbox.set_faults(vec![Rule::always(Fault::Hang { executed: true })]);
    let client = client(&sandbox);
    let monitor = Monitor::default();
    let error = std::thread::scope(|scope| {
        let call = scope.spawn(|| client.list_devices(None, Some(&monitor)));
        assert!(sandbox.wait_for(Duration::from_secs(30), |totals| totals.requests == 1));
        monitor.cancel();
        call.join().unwrap().unwrap_err()
    });
    assert_eq!(error.kind, ErrorKind::Cancelled);
}

#[test]
fn the_run_timeout_ends_it_amid_a_response() {
    let sandbox = described();
    sandbox.set_faults(vec![Rule::always(Fault::Hang { executed: true })]);
    let mut config = config(&sandbox);
    config.set_run_timeout_ms(300).unwrap();
    let error = Client::new(&config)
        .unwrap()
        .list_devices(None, None)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert!(error.message.contains("run timeout"), "{error}");
}

#[test]
fn bad_arguments_are_named_and_nothing_is_sent() {
    let sandbox = described();
    let with_user = client(&sandbox);
    let mut config = Config::new();
    config.set_endpoint(sandbox.url()).unwrap();
    config.set_access_token("a-token").unwrap();
    let without_user = Client::new(&config).unwrap();
    let refused = |error: Error, argument: &str| {
        assert_eq!(error.kind, ErrorKind::InvalidArgument, "{error}");
        assert!(error.message.starts_with(argument), "{error}");
    };
    refused(
        without_user.list_devices(None, None).unwrap_err(),
        "user_id:",
    );
    refused(
        without_user
            .list_scopes(None, DEVICE, None, None)
            .unwrap_err(),
        "user_id:",
    );
    refused(
        with_user.list_devices(Some(""), None).unwrap_err(),
        "user_id:",
    );
    refused(
        with_user.list_devices(Some("a\nb"), None).unwrap_err(),
        "user_id:",
    );
    for device in ["", "..", "a/../b", "a\u{7}"] {
        refused(
            with_user.list_scopes(None, device, None, None).unwrap_err(),
            "device_id:",
        );
    }
    for module in ["", "1 1", "101\n", "ü", "12345678901234567"] {
        let error = with_user
            .list_scopes(None, DEVICE, Some(module), None)
            .unwrap_err();
        refused(error, "module_code:");
    }
    assert_eq!(sandbox.totals().requests, 0);
}

#[test]
fn texts_are_whole_and_hold_no_secret() {
    let long = "/".to_owned() + &"ü".repeat(9_999);
    let strange = "/a\u{1b}[31m\n\u{202e}x\0y";
    let entry = |path: &str| json!({ "scopeId": "1", "localPath": path });
    let body =
        json!({ "code": 0, "scopeList": [entry(&long), entry(strange), entry("/x/a-token/y")] });
    let scopes = listed(&body.to_string()).1.unwrap();
    assert_eq!(text(scopes.local_path(0)), Some(long.as_str()));
    assert_eq!(
        text(scopes.local_path(1)),
        Some("/a\u{1b}[31m\n\u{202e}x\u{fffd}y")
    );
    assert_eq!(text(scopes.local_path(2)), Some("/x/***/y"));
    let padded = " ".repeat(60) + "a-token";
    for id in ["a-token a-token", &padded] {
        let damaged = json!({ "code": 0, "scopeList": [{ "scopeId": id }] });
        let error = listed(&damaged.to_string()).1.unwrap_err();
        assert!(!error.message.contains("a-t"), "{error}");
    }
    let of_module =
        json!({ "code": 0, "scopeList": [{ "scopeId": "1", "moduleCode": "a-token" }] });
    let error = listed(&of_module.to_string()).1.unwrap_err();
    assert!(!error.message.contains("a-t"), "{error}");
}

#[test]
fn a_response_may_be_long() {
    // Longer than a deletion's may be.
    let entry = r#"{"scopeId":"1","localPath":"0123456789012345678901234567890123456789"}"#;
    let entries = vec![entry; 100_000].join(",");
    let scopes = listed(&format!(r#"{{"code":0,"scopeList":[{entries}]}}"#))
        .1
        .unwrap();
    assert_eq!(scopes.count(), 100_000);
    let blanks = " ".repeat((64 << 20) + 1);
    let error = listed(&format!(r#"{{"code":0,{blanks}"scopeList":[]}}"#))
        .1
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidResponse);
    assert!(error.message.contains("64 MiB"), "{error}");
}

#[test]
fn every_shape_of_the_sandbox_says_the_same() {
    for shape in [
        Shape::Null,
        Shape::Missing,
        Shape::Numbers,
        Shape::ExtraFields,
    ] {
        let sandbox = described();
        sandbox.set_faults(vec![Rule::always(Fault::Shape(shape))]);
        let client = client(&sandbox);
        assert_eq!(client.list_devices(None, None).unwrap().count(), 2);
        let scopes = client.list_scopes(None, DEVICE, None, None).unwrap();
        assert_eq!(ids(&scopes), ["1", "2", "4", "3"]);
        let none = client
            .list_scopes(None, "1775406005920779393", None, None)
            .unwrap();
        assert_eq!(none.count(), 0);
    }
}
