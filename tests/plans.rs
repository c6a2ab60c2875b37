//! What a plan accepts, what it says of what it does not, and what it holds then.

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::monitor::Monitor;
use koodrive::plan::Plan;

const DEVICE: &str = "phone";

/// Why these ids are refused.
fn refused(ids: &[&str]) -> String {
    let mut plan = Plan::new();
    let error = plan
        .add(None, DEVICE, ids.iter().copied())
        .expect_err("bad ids");
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    assert_eq!(plan.scope_count(), 0, "a refused addition adds nothing");
    error.message
}

#[test]
fn ids_that_are_accepted() {
    let longest = "9".repeat(128);
    let ids = [
        "1",
        "1842846715527366528",
        "00000000000000000001",
        "id-5",
        "a.b",
        "1.2.3",
        "e5",
        "5e",
        "1e",
        "-",
        ".",
        "~!@#$%^&*()",
        "VW5TYWZlSW50ZWdlcg",
        &longest,
    ];
    for id in ids {
        let mut plan = Plan::new();
        plan.add(None, DEVICE, [id].into_iter()).expect(id);
        assert_eq!(plan.scope_count(), 1);
    }
}

#[test]
fn ids_that_are_refused() {
    let too_long = "9".repeat(129);
    for (id, why) in [
        ("", "is empty"),
        (too_long.as_str(), "is longer than 128 bytes"),
        ("12 3", "holds something else than visible ASCII characters"),
        ("12\t", "holds something else"),
        ("184284671552 7366528", "holds something else"),
        ("1842846715527366\u{a0}28", "holds something else"),
        ("1842846715527366528\r", "ends with a carriage return"),
        ("１２３", "holds something else"),
        ("123\r", "ends with a carriage return"),
        (
            "1842846715527366700VW5TYWZlSW50ZWdlcg==",
            "UnSafeInteger in base64",
        ),
        ("1.8428467155270001e+18", "a decimal point or an exponent"),
        ("1.5", "a decimal point or an exponent"),
        ("1,5", "a decimal point or an exponent"),
        ("1E18", "a decimal point or an exponent"),
        ("1e18", "a decimal point or an exponent"),
        ("+1.0", "a decimal point or an exponent"),
        ("-1e-3", "a decimal point or an exponent"),
    ] {
        let message = refused(&["1", id]);
        let shown: String = id.chars().take(64).collect();
        let named = format!("scope_ids[1] {shown:?}");
        assert!(message.starts_with(&named), "{message}");
        assert!(message.contains(why), "{id:?}: {message}");
        assert!(!message.contains(" more"), "{message}");
    }
}

#[test]
fn five_bad_ids_are_named_and_the_others_counted() {
    let message = refused(&["", "", "", "", ""]);
    assert!(message.contains("scope_ids[4]"), "{message}");
    assert!(!message.contains("more"), "{message}");
    let message = refused(&["", "", "", "", "", "1", "", ""]);
    assert!(!message.contains("scope_ids[6]"), "{message}");
    assert!(message.ends_with("; and 2 more"), "{message}");
}

#[test]
fn devices_and_users() {
    let longest_device = "d".repeat(512);
    let too_long_device = "d".repeat(513);
    let longest_user = "u".repeat(8_000);
    let too_long_user = "u".repeat(8_001);
    for (user, device, broken) in [
        (None, "1842812272691451648", None),
        (None, "phone of Li/2", None),
        (None, "...", None),
        (None, &longest_device, None),
        (Some("李"), "d", None),
        (Some(longest_user.as_str()), "d", None),
        (None, "", Some("device_id: must not be empty")),
        (None, ".", Some("device_id: ")),
        (None, "a/../b", Some("device_id: ")),
        (None, "a\\..\\b", Some("device_id: ")),
        (None, "a//b", Some("device_id: ")),
        (None, "a%2F..%2Fb", Some("device_id: ")),
        (None, "a%252F%252e%252E%252Fb", Some("device_id: ")),
        (None, "..;x/b", Some("device_id: ")),
        (
            None,
            &too_long_device,
            Some("device_id: must not be longer than 512 bytes"),
        ),
        (
            None,
            "a\nb",
            Some("device_id: must not hold control characters"),
        ),
        (Some(""), "d", Some("user_id: must not be empty")),
        (
            Some(" u"),
            "d",
            Some("user_id: must not begin or end with a space"),
        ),
        (
            Some("u "),
            "d",
            Some("user_id: must not begin or end with a space"),
        ),
        (
            Some("a\nb"),
            "d",
            Some("user_id: must not hold control characters"),
        ),
        (
            Some(too_long_user.as_str()),
            "d",
            Some("user_id: must not be longer than 8000 bytes"),
        ),
    ] {
        let mut plan = Plan::new();
        let added = plan.add(user, device, ["1"].into_iter());
        match broken {
            None => added.unwrap_or_else(|error| panic!("{user:?} {device:?}: {error}")),
            Some(rule) => {
                let message = added.expect_err(device).message;
                assert!(message.starts_with(rule), "{message}");
                assert_eq!(plan.scope_count(), 0);
            }
        }
    }
}

#[test]
fn requests_are_counted_by_user_and_device() {
    let ids: Vec<_> = (0..250).map(|id: u32| id.to_string()).collect();
    let ids = || ids.iter().map(String::as_str);
    let mut plan = Plan::new();
    assert_eq!(plan.request_count(), 0);
    plan.add(None, "a", ids().take(100)).unwrap();
    assert_eq!(plan.request_count(), 1);
    plan.add(None, "b", ids().take(1)).unwrap();
    plan.add(Some("u"), "a", ids()).unwrap();
    assert_eq!(plan.request_count(), 1 + 1 + 3);
    // More of the first device: 101 ids in all.
    plan.add(None, "a", ids().skip(200).take(1)).unwrap();
    assert_eq!((plan.scope_count(), plan.request_count()), (352, 2 + 1 + 3));
}

#[test]
fn lines_are_ids() {
    for (text, count) in [("", 0), ("1", 1), ("1\n", 1), ("1\n2", 2), ("1\n2\n", 2)] {
        let mut plan = Plan::new();
        plan.add_lines(None, DEVICE, text, None).expect(text);
        assert_eq!(plan.scope_count(), count, "{text:?}");
        let mut plan = Plan::new();
        let counted = plan.add_lines(None, DEVICE, text, Some(count + 1));
        assert!(counted.is_err(), "{text:?} has not {} ids", count + 1);
        assert_eq!(plan.scope_count(), 0);
    }
    for (text, named) in [
        ("\n", "scope_ids[0]"),
        ("1\n\n2", "scope_ids[1]"),
        ("1\n\n", "scope_ids[1]"),
    ] {
        let mut plan = Plan::new();
        let message = plan
            .add_lines(None, DEVICE, text, None)
            .expect_err(text)
            .message;
        assert!(message.starts_with(named), "{text:?}: {message}");
    }
}

#[test]
fn additions_are_taken_back() {
    let mut plan = Plan::new();
    plan.add(None, "a", ["1", "2"].into_iter()).unwrap();
    plan.add(Some("u"), "b", ["3", "4", "5"].into_iter())
        .unwrap();
    let counts = |plan: &Plan| (plan.scope_count(), plan.request_count());
    for (count, expected) in [
        (9, (5, 2)),
        (5, (5, 2)),
        (4, (4, 2)),
        (2, (2, 1)),
        (0, (0, 0)),
    ] {
        plan.truncate(count);
        assert_eq!(counts(&plan), expected, "after truncate({count})");
    }
    // What is added then stands where it belongs.
    plan.add(None, "c", ["6"].into_iter()).unwrap();
    assert_eq!(counts(&plan), (1, 1));
}

/// A client that sends nothing.
fn client(user: Option<&str>) -> Client {
    let mut config = Config::new();
    config.set_endpoint("https://127.0.0.1:1").unwrap();
    config.set_access_token("t").unwrap();
    if let Some(user) = user {
        config.set_user_id(user).unwrap();
    }
    Client::new(&config).unwrap()
}

#[test]
fn ids_without_a_user_need_one_in_the_config() {
    let cancelled = Monitor::default();
    cancelled.cancel();
    let mut plan = Plan::new();
    plan.add(Some("u"), "a", ["1"].into_iter()).unwrap();
    let ended = client(None).delete_plan(&plan, Some(&cancelled));
    assert!(ended.is_ok(), "each id has a user");
    plan.add(None, "a", ["2"].into_iter()).unwrap();
    let error = client(None).delete_plan(&plan, Some(&cancelled));
    let error = error.expect_err("an id without a user");
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    assert!(error.message.starts_with("user_id: "), "{error}");
    assert!(
        client(Some("v"))
            .delete_plan(&plan, Some(&cancelled))
            .is_ok()
    );
}

#[test]
fn what_is_left_of_a_plan_is_whole() {
    let cancelled = Monitor::default();
    cancelled.cancel();
    let mut plan = Plan::new();
    plan.add(None, "phone", ["12", "345", "6789"].into_iter())
        .unwrap();
    plan.truncate(2);
    plan.add(None, "tablet", ["10"].into_iter()).unwrap();
    let ended = client(Some("u")).delete_plan(&plan, Some(&cancelled));
    let (report, _) = ended.unwrap();
    let ids: Vec<_> = (0..3)
        .map(|place| report.scope_id(place).unwrap())
        .collect();
    assert_eq!(ids, [c"12", c"345", c"10"]);
    assert_eq!(report.device_id(1).unwrap(), c"phone");
    assert_eq!(report.device_id(2).unwrap(), c"tablet");
}
