//! What a plan accepts, what it says of what it does not, and what it holds then.

use koodrive::error::ErrorKind;
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
        assert!(message.starts_with("scope_ids[1] "), "{message}");
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
