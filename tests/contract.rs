//! The API reference, over real HTTP: what is sent, what comes back, for any number of ids.

mod common;

use std::collections::HashSet;
use std::time::{Duration, UNIX_EPOCH};

use common::*;
use koodrive::client::Client;
use koodrive::credentials::Secret;
use koodrive::error::ErrorKind;
use koodrive::monitor::Monitor;
use koodrive::plan::Plan;
use koodrive::report::Outcome::{self, *};
use koodrive::service::{Clock, SigningInput};
use koodrive_sandbox::{App, Options, ScopeSource, Token};

fn existing(ids: &[&str]) -> ScopeSource {
    let ids: Vec<_> = ids.iter().map(|id| (*id).into()).collect();
    ScopeSource::Listed([(USER.into(), [(DEVICE.into(), ids.into())].into())].into())
}

fn generated(count: u64) -> Options {
    Options {
        scopes: ScopeSource::Auto { count },
        ..Options::default()
    }
}

#[test]
fn the_pages_own_example() {
    let sandbox = sandbox(Options {
        scopes: existing(&["1842846715527366528"]),
        ..Options::default()
    });
    let ids = [
        "123",
        "123",
        "345",
        "1760265745989677312",
        "1752777931588940032",
        "1752990708303704321",
        "1842846715527366528",
    ];
    let report = delete_ids(&client(&sandbox), &ids);
    assert_eq!(
        outcomes(&report),
        [
            NotFound, Duplicate, NotFound, NotFound, NotFound, NotFound, Deleted
        ]
    );
    assert_eq!(code(&report, 0), Some("15000418"));
    assert_eq!(
        message(&report, 0),
        Some("The backup scope does not exist.")
    );
    assert_eq!(code(&report, 1), Some("15000424"));
    assert_eq!(message(&report, 1), Some("repeats the id at index 0"));
    assert_eq!(code(&report, 6), None);
    assert_eq!(message(&report, 6), None);
    assert_eq!(report.request_count(), 1);
    let sent = &sandbox.ledger().requests[0];
    assert_eq!(sent.method, "DELETE");
    assert_eq!(
        sent.path,
        "/koodrive/ose/v1/backup/device/1842812272691451648/scope"
    );
    assert_eq!(
        sent.ids,
        [&ids[..1], &ids[2..]].concat(),
        "repeats are not sent"
    );
}

#[test]
fn any_number_of_ids() {
    for (count, requests) in [(0, 0), (1, 1), (100, 1), (101, 2), (250, 3), (10_000, 100)] {
        let sandbox = sandbox(generated(10_000));
        let ids = generated_ids(count);
        let report = delete_ids(&client(&sandbox), &ids);
        assert_eq!(report.count(), count);
        assert_eq!(report.tally(Deleted as i32), count);
        assert_eq!(report.request_count(), requests);
        let ledger = sandbox.ledger();
        assert_eq!(ledger.totals.requests, requests as u64);
        assert_eq!(ledger.totals.deleted, count as u64);
        assert!(ledger.totals.peak_connections <= 4);
        let sent: HashSet<_> = ledger
            .requests
            .iter()
            .flat_map(|request| &request.ids)
            .collect();
        assert_eq!(sent, ids.iter().collect());
        assert!(
            ledger
                .requests
                .iter()
                .all(|request| request.ids.len() <= 100)
        );
    }
}

#[test]
fn many_users_and_devices_merged_across_adds() {
    let sandbox = sandbox(generated(150));
    let ids = generated_ids(150);
    let half = |range: std::ops::Range<usize>| ids[range].iter().map(String::as_str);
    let mut plan = Plan::new();
    for part in [0..75, 75..150] {
        for user in [None, Some("another user"), Some("Zoë")] {
            for device in ["1", "phone of Li/2", "x?y#z", "设备"] {
                plan.add(user, device, half(part.clone())).unwrap();
            }
        }
    }
    plan.add(Some(USER), "1", half(0..10)).unwrap();
    assert_eq!(plan.scope_count(), 12 * 150 + 10);
    assert_eq!(
        plan.request_count(),
        12 * 2 + 1,
        "a NULL user counts as a user of its own"
    );
    let (report, error) = delete(&client(&sandbox), &plan);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(report.tally(Deleted as i32), 12 * 150);
    assert_eq!(
        report.tally(Duplicate as i32),
        10,
        "the config's user, named, is the same user"
    );
    assert_eq!(message(&report, 1800), Some("repeats the id at index 0"));
    assert_eq!(report.request_count(), 12 * 2);
    let position = 150 + 75 + 4 * 75;
    assert_eq!(
        report.user_id(position).unwrap().to_str(),
        Ok("another user")
    );
    let ledger = sandbox.ledger();
    for user in [USER, "another user", "Zoë"] {
        for device in ["1", "phone of Li/2", "x?y#z", "设备"] {
            let of_both = |request: &&koodrive_sandbox::Request| {
                request.user.as_deref() == Some(user) && request.device.as_deref() == Some(device)
            };
            let sizes: Vec<_> = ledger
                .requests
                .iter()
                .filter(of_both)
                .map(|r| r.ids.len())
                .collect();
            assert_eq!(sizes.len(), 2, "{user} {device}");
            assert_eq!(sizes.iter().sum::<usize>(), 150);
        }
    }
}

#[test]
fn ids_are_sent_byte_for_byte() {
    let sandbox = sandbox(Options::default());
    let visible: String = ('!'..='~').collect();
    let ids = [
        visible.as_str(),
        "\"",
        "\\",
        "\\\"",
        "a\"b",
        "\\u0031",
        "</script>",
    ];
    let report = delete_ids(&client(&sandbox), &ids);
    assert_eq!(report.tally(Deleted as i32), ids.len());
    assert_eq!(sandbox.ledger().requests[0].ids, ids);
    for id in ids {
        delete_ids(&client(&sandbox), &[id]);
        assert_eq!(sandbox.ledger().requests.last().unwrap().ids, [id]);
    }
}

#[test]
fn repeats_are_found_whatever_the_order() {
    for (ids, repeats) in [
        (["8", "9", "10", "11"], [false; 4]),
        (["11", "10", "9", "8"], [false; 4]),
        (["8", "9", "10", "10"], [false, false, false, true]),
        (["8", "9", "10", "8"], [false, false, false, true]),
        (["10", "9", "9", "10"], [false, false, true, true]),
    ] {
        let sandbox = sandbox(Options::default());
        let report = delete_ids(&client(&sandbox), &ids);
        for (index, is_repeat) in repeats.into_iter().enumerate() {
            let expected = if is_repeat { Duplicate } else { Deleted };
            assert_eq!(report.outcome(index), Some(expected), "{ids:?}");
        }
    }
}

#[test]
fn an_add_that_fails_leaves_the_plan_as_it_was() {
    let sandbox = sandbox(Options::default());
    let mut plan = Plan::new();
    plan.add(None, "mine", ["1"].into_iter()).unwrap();
    plan.add(Some("theirs"), "theirs", ["2", "not an id"].into_iter())
        .unwrap_err();
    plan.add_lines(None, "other", "2\nnot an id\n", None)
        .unwrap_err();
    plan.add(None, "mine", ["2", "not an id"].into_iter())
        .unwrap_err();
    plan.add(None, "mine", ["3"].into_iter()).unwrap();
    let (report, error) = delete(&client(&sandbox), &plan);
    plan.add(None, "mine", ["2", "not an id"].into_iter())
        .expect_err("while the report shares the plan");
    assert_eq!(plan.scope_count(), 2);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(report.tally(Deleted as i32), 2);
    let ledger = sandbox.ledger();
    assert_eq!(ledger.requests.len(), 1);
    assert_eq!(ledger.requests[0].device.as_deref(), Some("mine"));
    assert_eq!(ledger.requests[0].ids, ["1", "3"]);
}

/// A server that decodes the path before it resolves it, once or twice, must not see another device.
#[test]
fn a_device_id_can_not_name_another_path() {
    for device in [
        ".",
        "..",
        "x/../OTHER",
        "a/./b",
        r"a\..\b",
        r"..\b",
        "a//b",
        "/a",
        "a/",
        r"a\",
        "/",
        "a/..",
        "%2e%2e/OTHER",
        "x%2F..%2FOTHER",
        "x%252F%252e%252E%252FOTHER",
        "%2e",
        "x/..;v=1/OTHER",
        "x/.. /OTHER",
        "%2FOTHER",
        "x%2f%2fOTHER",
    ] {
        let mut plan = Plan::new();
        let error = plan.add(None, device, ["1"].into_iter()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidArgument, "{device}");
        assert!(error.message.starts_with("device_id: "), "{error}");
        assert_eq!(plan.scope_count(), 0, "{device}");
    }
    for device in [
        "a.b", "..a", "a..", "a/b", "...", "100%", "%zz", "%2Ea", "a;b", ".a/b.", "%2F", " ",
    ] {
        let mut plan = Plan::new();
        plan.add(None, device, ["1"].into_iter()).unwrap();
        let sandbox = sandbox(generated(1));
        delete(&client(&sandbox), &plan);
        let ledger = sandbox.ledger();
        assert_eq!(ledger.requests[0].device.as_deref(), Some(device));
    }
}

#[test]
fn columns_stay_in_the_plans_order() {
    let sandbox = sandbox(generated(400));
    let ids = generated_ids(400);
    let mut plan = Plan::new();
    for (index, id) in ids.iter().enumerate() {
        let device = ["a", "b", "c"][index % 3];
        let id = if index % 7 == 0 { "404" } else { id.as_str() };
        plan.add(None, device, std::iter::once(id)).unwrap();
    }
    let (report, _) = delete(&client(&sandbox), &plan);
    for index in 0..400 {
        assert_eq!(
            report.device_id(index).unwrap().to_str(),
            Ok(["a", "b", "c"][index % 3])
        );
        let expected = match index {
            0 | 7 | 14 => NotFound,
            _ if index % 7 == 0 => Duplicate,
            _ => Deleted,
        };
        assert_eq!(report.outcome(index), Some(expected), "{index}");
    }
    assert_eq!(report.scope_id(400), None);
    assert_eq!(report.outcome(400), None);
}

#[test]
fn what_the_service_refuses_of_an_id_is_rejected() {
    let locked = koodrive_sandbox::Rejection {
        error_code: "15000999".into(),
        msg: "The scope is locked.".into(),
    };
    let sandbox = sandbox(Options {
        rejected_ids: [("7".into(), locked)].into(),
        ..Options::default()
    });
    let report = delete_ids(&client(&sandbox), &["7", "8"]);
    assert_eq!(outcomes(&report), [Rejected, Deleted]);
    assert_eq!(code(&report, 0), Some("15000999"));
    assert_eq!(message(&report, 0), Some("The scope is locked."));
    assert_eq!(report.next_failure(0), Some(0));
    assert_eq!(report.next_failure(1), None);
    assert_eq!(
        report.unfinished().unwrap().scope_count(),
        0,
        "asking again changes nothing"
    );
}

#[test]
fn signatures_equal_the_vectors() {
    let cases = |file| {
        let vectors: serde_json::Value = serde_json::from_str(file).unwrap();
        vectors["cases"].as_array().unwrap().clone()
    };
    let mut all = cases(include_str!("vectors/signature.json"));
    all.extend(cases(include_str!("vectors/signature_of_queries.json")));
    assert!(all.len() > 3);
    for case in &all {
        let text = |name: &str| case[name].as_str().unwrap();
        let query: Vec<String> = case["query"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| {
                format!(
                    "{}={}",
                    pair[0].as_str().unwrap(),
                    pair[1].as_str().unwrap()
                )
            })
            .collect();
        let input = SigningInput {
            method: text("method"),
            path: text("path"),
            query: &query.join("&"),
            host: text("host"),
            date: text("xdate"),
            user: text("uid"),
            body: text("body").as_bytes(),
        };
        assert_eq!(input.canonical_request(), text("canonical_request"));
        assert_eq!(input.string_to_sign(), text("string_to_sign"));
        let secret = Secret::new(text("secret"));
        assert_eq!(
            input.authorization(text("appid"), &secret),
            text("authorization")
        );
    }
}

#[test]
fn a_signed_run_is_verified_by_the_service() {
    let sandbox = sandbox(Options {
        apps: vec![App {
            id: "the-app".into(),
            secret: "s3cr3t".into(),
        }],
        tokens: vec![Token {
            value: "none".into(),
            requests: None,
        }],
        ..Options::default()
    });
    let mut plan = Plan::new();
    for device in ["1842812272691451648", "phone of Li/2", "ü~-._"] {
        plan.add(Some("Zoë"), device, ["1", "2"].into_iter())
            .unwrap();
    }
    let mut config = config(&sandbox);
    config.set_app_credentials("the-app", "s3cr3t").unwrap();
    let (report, error) = delete(&Client::new(&config).unwrap(), &plan);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(report.tally(Deleted as i32), 6);

    config
        .set_app_credentials("the-app", "another secret")
        .unwrap();
    let (report, error) = delete(&Client::new(&config).unwrap(), &plan);
    assert_eq!(kind(&error), Some(ErrorKind::Unauthorized));
    assert_eq!(report.tally(Deleted as i32), 0);
    let error = error.unwrap();
    assert_eq!(error.http_status, Some(401));
    assert!(error.request_id.is_some());
    assert!(!error.message.contains("another secret"));
}

#[test]
fn a_verbatim_authorization_is_sent_as_it_is() {
    let sandbox = sandbox(Options {
        authorizations: vec!["Bearer+60f4".into()],
        tokens: vec![Token {
            value: "none".into(),
            requests: None,
        }],
        ..Options::default()
    });
    let mut config = config(&sandbox);
    config.set_authorization("Bearer+60f4").unwrap();
    let report = delete_ids(&Client::new(&config).unwrap(), &["1"]);
    assert_eq!(outcomes(&report), [Deleted]);
}

#[test]
fn an_expired_token_stops_the_run_and_a_new_one_resumes_it() {
    let sandbox = sandbox(Options {
        tokens: vec![
            Token {
                value: "a-token".into(),
                requests: Some(3),
            },
            Token {
                value: "a-new-token".into(),
                requests: None,
            },
        ],
        ..Options::default()
    });
    let client = client(&sandbox);
    let ids = generated_ids(2_000);
    let (report, error) = delete(&client, &plan(&ids));
    assert_eq!(kind(&error), Some(ErrorKind::Unauthorized));
    assert_eq!(report.tally(Deleted as i32), 300);
    assert!(
        report.request_count() <= 3 + 4,
        "each worker learns of it at most once"
    );
    assert!(report.tally(Rejected as i32) >= 100);
    assert!(report.tally(NotSent as i32) >= 1_300);
    assert_eq!(sandbox.totals().deleted, 300);

    client.set_access_token("a-new-token").unwrap();
    let (resumed, error) = delete(&client, &report.unfinished().unwrap());
    assert!(error.is_none(), "{error:?}");
    assert_eq!(resumed.tally(Deleted as i32), 1_700);
    assert_eq!(sandbox.totals().deleted, 2_000);
}

#[test]
fn a_monitor_counts_and_cancels() {
    let sandbox = sandbox(Options::default());
    let client = client(&sandbox);
    let monitor = Monitor::default();
    let ids = generated_ids(300);
    let (report, error) = client.delete_plan(&plan(&ids), Some(&monitor)).unwrap();
    assert!(error.is_none());
    assert_eq!((monitor.scopes_done(), monitor.scopes_total()), (300, 300));
    assert_eq!(report.tally(Deleted as i32), 300);

    monitor.cancel();
    let (report, error) = client.delete_plan(&plan(&ids), Some(&monitor)).unwrap();
    assert_eq!(kind(&error), Some(ErrorKind::Cancelled));
    assert_eq!(report.tally(NotSent as i32), 300);
    assert_eq!((monitor.scopes_done(), monitor.scopes_total()), (0, 300));
    assert_eq!(sandbox.totals().requests, 3, "nothing was sent");
}

#[test]
fn one_client_serves_many_threads() {
    let sandbox = sandbox(Options::default());
    let client = client(&sandbox);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let client = &client;
            scope.spawn(move || {
                let device = format!("device {thread}");
                for round in 0..5 {
                    let ids: Vec<_> = (0..150)
                        .map(|id| format!("{thread}00{round}{id:03}"))
                        .collect();
                    let ids = ids.iter().map(String::as_str);
                    let (report, error) = client.delete_scopes(&device, ids, None).unwrap();
                    assert!(error.is_none(), "{error:?}");
                    assert_eq!(report.tally(Deleted as i32), 150);
                    assert_eq!(report.device_id(149).unwrap().to_str().unwrap(), device);
                }
            });
        }
    });
    assert_eq!(sandbox.totals().deleted, 16 * 5 * 150);
}

/// Linux tells which threads there are.
#[cfg(target_os = "linux")]
#[test]
fn no_thread_is_left_after_a_call() {
    let sandbox = sandbox(Options::default());
    let mut config = config(&sandbox);
    config.set_max_connections(16).unwrap();
    let localhost = sandbox.url().replace("127.0.0.1", "localhost");
    config.set_endpoint(&localhost).unwrap();
    let client = Client::new(&config).unwrap();
    let ours = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm"));
        let names = tasks.filter_map(|task| name(task.ok()?).ok());
        names.filter(|name| name.trim() == "koodrive").count()
    };
    // Other tests run in this process and have threads of their own for a moment.
    let mut least = usize::MAX;
    for _ in 0..50 {
        delete_ids(&client, &generated_ids(1_700));
        least = least.min(ours());
        if least == 0 {
            return;
        }
    }
    panic!("{least} threads are left");
}

#[test]
fn connections_are_used_again_by_later_calls() {
    let sandbox = sandbox(Options::default());
    let client = client(&sandbox);
    for id in ["1", "2", "3", "4"] {
        delete_ids(&client, &[id]);
    }
    assert_eq!(sandbox.totals().connections, 1);
}

#[test]
fn a_result_outlives_what_it_came_from() {
    let report = {
        let sandbox = sandbox(Options::default());
        let mut plan = plan(&["1"]);
        let report = delete(&client(&sandbox), &plan).0;
        plan.add(None, "another device", ["2"].into_iter()).unwrap();
        assert_eq!(plan.scope_count(), 2);
        report
    };
    assert_eq!(report.count(), 1);
    assert_eq!(report.scope_id(0).unwrap().to_str(), Ok("1"));
    assert_eq!(report.device_id(0).unwrap().to_str(), Ok(DEVICE));
    assert_eq!(report.user_id(0).unwrap().to_str(), Ok(USER));
    assert_eq!(report.outcome(0), Some(Outcome::Deleted));
}

#[test]
fn the_rate_limit_is_shared_by_the_runs_of_a_client() {
    let sandbox = sandbox(Options::default());
    let mut config = config(&sandbox);
    config.set_max_requests_per_second(50).unwrap();
    let client = Client::new(&config).unwrap();
    let begin = std::time::Instant::now();
    std::thread::scope(|scope| {
        for device in ["a", "b"] {
            let client = &client;
            let ids = generated_ids(1_000);
            scope.spawn(move || {
                let ids = ids.iter().map(String::as_str);
                client.delete_scopes(device, ids, None).unwrap();
            });
        }
    });
    assert_eq!(sandbox.totals().requests, 20);
    let least = std::time::Duration::from_millis(19 * 20);
    assert!(begin.elapsed() >= least, "20 requests at 50 a second");
}

#[test]
fn tls_with_a_ca_file() {
    let sandbox = sandbox(Options {
        tls: true,
        ..Options::default()
    });
    let folder = std::env::temp_dir().join(format!("koodrive-contract-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, sandbox.ca_pem().unwrap()).unwrap();
    let mut config = config(&sandbox);
    let (report, error) = delete(&Client::new(&config).unwrap(), &plan(&["1"]));
    assert_eq!(
        kind(&error),
        Some(ErrorKind::Unreachable),
        "the platform does not know this CA"
    );
    assert_eq!(outcomes(&report), [NotSent]);

    config.set_ca_file(ca_file.to_str().unwrap()).unwrap();
    let report = delete_ids(&Client::new(&config).unwrap(), &generated_ids(1_000));
    assert_eq!(report.tally(Deleted as i32), 1_000);
    std::fs::remove_dir_all(folder).unwrap();
}

/// `X-Date` is five seconds early and names whole seconds, rounded down, whatever the wall clock shows.
#[test]
fn x_dates_are_early_and_whole() {
    for (millis, text) in [
        (1_762_153_305_000_i64, "20251103T070140Z"),
        (1_762_153_305_999, "20251103T070140Z"),
        (5_000, "19700101T000000Z"),
        (4_999, "19691231T235959Z"),
        (4_000, "19691231T235959Z"),
        (3_999, "19691231T235958Z"),
        (-86_395_000, "19691231T000000Z"),
    ] {
        let distance = Duration::from_millis(millis.unsigned_abs());
        let clock = match millis {
            0.. => UNIX_EPOCH + distance,
            _ => UNIX_EPOCH - distance,
        };
        assert_eq!(Clock::default().x_date(clock).text, text, "{millis}");
    }
}
