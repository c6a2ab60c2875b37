//! What each kind of response means for ids and for the run, over real HTTP: the README's tables of outcomes
//! and statuses, and the rules of `src/service/attempt.rs`.

mod common;

use common::*;
use koodrive::client::Client;
use koodrive::error::{Error, ErrorKind};
use koodrive::monitor::Monitor;
use koodrive::plan::Plan;
use koodrive::report::Outcome::{self, *};
use koodrive::report::Report;
use koodrive_sandbox::{Fault, Match, Options, Rejection, Rule, Sandbox, ScopeSource, Shape};

fn refusal(status: u16, body: &str) -> Fault {
    Fault::Status {
        status,
        retry_after: None,
        body: Some(body.into()),
        content_type: Some("application/json".into()),
    }
}

fn body(text: impl Into<String>) -> Fault {
    Fault::Body {
        executed: false,
        body: text.into(),
    }
}

/// A sandbox on which `1` and `2` exist, and what two attempts at most make of `1`, `2` and `404`.
struct Trial {
    sandbox: Sandbox,
    outcomes: Vec<Outcome>,
    error: Option<ErrorKind>,
    requests: usize,
    report: Report,
}

fn attempt(faults: Vec<Rule>) -> Trial {
    let listed = [(
        USER.into(),
        [(DEVICE.into(), vec!["1".into(), "2".into()].into())].into(),
    )]
    .into();
    let sandbox = sandbox(Options {
        scopes: ScopeSource::Listed(listed),
        faults,
        ..Options::default()
    });
    let mut config = config(&sandbox);
    config.set_max_attempts(2).unwrap();
    config.set_max_outage_ms(200).unwrap();
    let (report, error) = delete(&Client::new(&config).unwrap(), &plan(&["1", "2", "404"]));
    Trial {
        outcomes: outcomes(&report),
        error: kind(&error),
        requests: report.request_count(),
        sandbox,
        report,
    }
}

fn always(fault: Fault) -> Trial {
    attempt(vec![Rule::always(fault)])
}

fn at_first(fault: Fault) -> Trial {
    attempt(vec![Rule::during(0..1, fault)])
}

#[test]
fn an_answer_that_names_each_id_once() {
    let trial = attempt(vec![]);
    assert_eq!(trial.outcomes, [Deleted, Deleted, NotFound]);
    assert_eq!((trial.error, trial.requests), (None, 1));
}

#[test]
fn a_lost_answer_exposes_and_is_tried_again() {
    for fault in [
        Fault::LoseAnswer,
        Fault::Reset { executed: true },
        Fault::Truncate { bytes: 40 },
        Fault::Truncate { bytes: 300 },
    ] {
        let trial = at_first(fault.clone());
        assert_eq!(trial.outcomes, [Gone, Gone, Gone], "{fault:?}");
        assert_eq!((trial.error, trial.requests), (None, 2));
        let trial = always(fault);
        assert_eq!(trial.outcomes, [Unknown; 3]);
        assert_eq!(
            (trial.error, trial.requests),
            (Some(ErrorKind::Unreachable), 2)
        );
        assert_eq!(trial.report.unfinished().unwrap().scope_count(), 3);
    }
}

#[test]
fn a_request_that_was_not_carried_out_but_may_have_been() {
    let trial = at_first(Fault::DropBefore);
    assert_eq!(
        trial.outcomes,
        [Deleted, Deleted, Gone],
        "the service says so itself"
    );
}

#[test]
fn server_errors_expose_and_are_tried_again() {
    for code in [500, 502, 503, 504, 408] {
        let trial = always(status(code));
        assert_eq!(trial.outcomes, [Unknown; 3], "{code}");
        assert_eq!((trial.error, trial.requests), (Some(ErrorKind::Service), 2));
        assert_eq!(at_first(status(code)).outcomes, [Deleted, Deleted, Gone]);
    }
}

#[test]
fn success_statuses_but_200_are_not_understood() {
    for code in [201, 202, 204, 206] {
        let trial = always(status(code));
        assert_eq!(trial.outcomes, [Unknown; 3], "{code}");
        assert_eq!(
            (trial.error, trial.requests),
            (Some(ErrorKind::InvalidResponse), 2)
        );
    }
}

#[test]
fn redirects_are_not_followed_nor_tried_again() {
    let other = sandbox(Options::default());
    for code in [301, 302, 303, 307, 308] {
        let location = format!(
            "{}/koodrive/ose/v1/backup/device/{DEVICE}/scope",
            other.url()
        );
        let trial = always(Fault::Redirect {
            status: code,
            location,
        });
        assert_eq!(trial.outcomes, [Unknown; 3], "{code}");
        assert_eq!(
            (trial.error, trial.requests),
            (Some(ErrorKind::InvalidResponse), 1)
        );
    }
    assert_eq!(other.totals().connections, 0);
}

#[test]
fn too_many_requests_is_a_refusal_that_passes() {
    for code in [409, 421, 423, 425] {
        let trial = always(status(code));
        assert_eq!(trial.outcomes, [Rejected; 3], "{code}");
        assert_eq!((trial.error, trial.requests), (Some(ErrorKind::Service), 2));
        let trial = at_first(status(code));
        assert_eq!(
            trial.outcomes,
            [Deleted, Deleted, NotFound],
            "nothing was possibly_executed"
        );
    }
    let trial = always(status(409));
    assert_eq!(trial.report.unfinished().unwrap().scope_count(), 3);
}

#[test]
fn other_refusals_end_the_attempts_of_this_run_only() {
    for code in [400, 403, 404, 405, 413, 422, 451] {
        let trial = always(refusal(
            code,
            r#"{"error_code":"APIGW.0308","error_msg":"No."}"#,
        ));
        assert_eq!(trial.outcomes, [Rejected; 3], "{code}");
        assert_eq!((trial.error, trial.requests), (Some(ErrorKind::Service), 1));
        assert_eq!(common::code(&trial.report, 0), Some("APIGW.0308"));
        assert_eq!(message(&trial.report, 2), Some("No."));
        assert_eq!(trial.report.unfinished().unwrap().scope_count(), 3);
    }
}

/// A route that a gateway lacks for a moment: what it refused is deleted when asked for again.
#[test]
fn what_a_gateway_refused_in_passing_is_unfinished() {
    for code in [400, 404, 405, 422] {
        let sandbox = sandbox(Options {
            faults: vec![Rule::during(0..3, status(code))],
            ..Options::default()
        });
        let mut config = config(&sandbox);
        config.set_max_connections(1).unwrap();
        let client = Client::new(&config).unwrap();
        let (report, error) = delete(&client, &plan(&generated_ids(1_000)));
        assert_eq!(report.tally(Rejected as i32), 300, "{code}");
        assert!(error.unwrap().retryable, "{code}");
        let rest = report.unfinished().unwrap();
        let (report, error) = delete(&client, &rest);
        assert_eq!(kind(&error), None);
        assert_eq!(report.tally(Deleted as i32), 300, "{code}");
    }
}

/// Only the code that is known to refuse parameters says that nothing was done.
#[test]
fn an_unknown_code_in_a_200_may_come_after_the_work() {
    for code in [
        "500",
        "13000500",
        "15000001",
        r#""APIGW.0101""#,
        "-1",
        "15000418",
    ] {
        let answer = format!(r#"{{"code":{code},"msg":"Busy."}}"#);
        let carried_out = |executed| Fault::Body {
            executed,
            body: answer.clone(),
        };
        assert_eq!(at_first(carried_out(true)).outcomes, [Gone; 3], "{code}");
        let trial = at_first(carried_out(false));
        assert_eq!(trial.outcomes, [Deleted, Deleted, Gone], "{code}");
        let trial = always(carried_out(true));
        assert_eq!(trial.outcomes, [Unknown; 3], "{code}");
        assert_eq!((trial.error, trial.requests), (Some(ErrorKind::Service), 2));
        assert_eq!(
            common::code(&trial.report, 1),
            Some(code.trim_matches('"')),
            "what was said stays readable"
        );
        assert_eq!(trial.report.unfinished().unwrap().scope_count(), 3);
    }
}

#[test]
fn a_parameter_refused_in_a_200_is_found_by_halving() {
    let answer = r#"{"code":13000102,"msg":"Parameter check failed."}"#;
    let trial = at_first(body(answer));
    assert_eq!(trial.outcomes, [Deleted, Deleted, NotFound]);
    let trial = always(body(answer));
    assert_eq!(trial.outcomes, [Rejected; 3]);
    assert_eq!(trial.report.unfinished().unwrap().scope_count(), 0);
}

#[test]
fn an_error_code_beside_ids_is_a_contradiction() {
    for lists in [
        r#""scopeIdList":["1"]"#,
        r#""failedScopeList":[{"scopeId":"404","errorCode":"15000418"}]"#,
    ] {
        let trial = always(body(format!(r#"{{"code":1,"msg":"?",{lists}}}"#)));
        assert_eq!(trial.outcomes, [Unknown; 3], "{lists}");
        assert_eq!(
            (trial.error, trial.requests),
            (Some(ErrorKind::InvalidResponse), 2)
        );
    }
}

#[test]
fn a_stranger_makes_the_whole_answer_untrustworthy() {
    let trial = at_first(Fault::Stranger("999".into()));
    assert_eq!(trial.outcomes, [Gone, Gone, Gone]);
    assert_eq!(
        trial.sandbox.totals().connections,
        2,
        "nor is its connection used again"
    );
    let trial = always(Fault::Stranger("999".into()));
    assert_eq!(trial.outcomes, [Unknown; 3]);
    assert_eq!(trial.error, Some(ErrorKind::InvalidResponse));
    let trial = always(refusal(
        400,
        r#"{"code":13000102,"failedScopeList":[{"scopeId":"999"}]}"#,
    ));
    assert_eq!(trial.outcomes, [Unknown; 3]);
}

#[test]
fn an_id_that_is_left_out_or_named_twice_is_asked_for_again() {
    let trial = at_first(Fault::Omit(1));
    assert_eq!(trial.outcomes, [Gone, Deleted, NotFound]);
    let ledger = trial.sandbox.ledger();
    assert_eq!(ledger.requests[1].ids, ["1"], "only that one");
    assert_eq!(ledger.totals.connections, 2);
    let trial = at_first(Fault::Twice);
    assert_eq!(trial.outcomes, [Gone, Deleted, NotFound]);
    let trial = always(Fault::Omit(1));
    assert_eq!(trial.outcomes, [Unknown, Deleted, NotFound]);
    assert_eq!(trial.error, Some(ErrorKind::InvalidResponse));
    let both = r#"{"code":0,"scopeIdList":["1","2"],"failedScopeList":[{"scopeId":"2","errorCode":"15000418"},{"scopeId":"404","errorCode":"15000418"}]}"#;
    let trial = always(body(both));
    assert_eq!(
        trial.outcomes,
        [Deleted, Unknown, NotFound],
        "in both lists"
    );
}

/// It stood once in its request, and it still exists.
#[test]
fn an_id_that_the_service_takes_for_a_repeat_is_rejected() {
    let answer = r#"{"code":0,"scopeIdList":["1","2"],"failedScopeList":[{"scopeId":"404","errorCode":"15000424","msg":"Duplicate."}]}"#;
    let trial = at_first(body(answer));
    assert_eq!(trial.outcomes, [Deleted, Deleted, Rejected]);
    assert_eq!(trial.error, None);
    assert_eq!(common::code(&trial.report, 2), Some("15000424"));
    assert_eq!(message(&trial.report, 2), Some("Duplicate."));
    assert_eq!(trial.report.next_failure(0), Some(2));
    let unfinished = trial.report.unfinished().unwrap();
    assert_eq!(unfinished.scope_count(), 1, "it is worth asking again");
}

#[test]
fn once_exposed_an_id_is_never_refused() {
    let answer = |fault| vec![Rule::during(0..1, Fault::LoseAnswer), Rule::always(fault)];
    let named = |code: &str| {
        let entry = |id: &str| format!(r#"{{"scopeId":"{id}","errorCode":"{code}"}}"#);
        let entries = ["1", "2", "404"].map(entry).join(",");
        body(format!(r#"{{"code":0,"failedScopeList":[{entries}]}}"#))
    };
    for fault in [
        status(429),
        status(401),
        status(400),
        status(403),
        named("15000424"),
        named("15000999"),
    ] {
        let trial = attempt(answer(fault.clone()));
        assert_eq!(trial.outcomes, [Unknown; 3], "{fault:?}");
    }
    let trial = attempt(answer(named("15000424")));
    assert_eq!(
        common::code(&trial.report, 0),
        Some("15000424"),
        "what was heard stays readable"
    );
    assert_eq!(attempt(answer(named("15000418"))).outcomes, [Gone; 3]);
}

#[test]
fn a_401_stops_the_run() {
    let sandbox = sandbox(Options {
        faults: vec![Rule::always(status(401))],
        ..Options::default()
    });
    let (report, error) = delete(&client(&sandbox), &plan(&generated_ids(5_000)));
    assert_eq!(kind(&error), Some(ErrorKind::Unauthorized));
    assert!(report.request_count() <= 4);
    assert_eq!(report.tally(Rejected as i32), 100 * report.request_count());
    assert_eq!(report.unfinished().unwrap().scope_count(), 5_000);
}

#[test]
fn a_403_rejects_one_user_only() {
    let sandbox = sandbox(Options {
        forbidden_users: ["forbidden".into()].into(),
        ..Options::default()
    });
    let ids = generated_ids(3_000);
    let mut plan = plan(&["1", "2"]);
    plan.add(Some("forbidden"), DEVICE, ids.iter().map(String::as_str))
        .unwrap();
    plan.add(Some("another"), DEVICE, ["3"].into_iter())
        .unwrap();
    let (report, error) = delete(&client(&sandbox), &plan);
    assert_eq!(kind(&error), Some(ErrorKind::Service));
    assert_eq!(error.unwrap().http_status, Some(403));
    assert_eq!(report.tally(Deleted as i32), 3);
    assert_eq!(report.tally(Rejected as i32), 3_000);
    assert_eq!(report.unfinished().unwrap().scope_count(), 3_000);
}

#[test]
fn a_poisonous_id_is_cornered_by_halving() {
    let ids = generated_ids(100);
    let sandbox = sandbox(Options {
        poison_ids: [ids[37].as_str().into()].into(),
        ..Options::default()
    });
    let (report, error) = delete(&client(&sandbox), &plan(&ids));
    assert_eq!(kind(&error), Some(ErrorKind::Service));
    assert_eq!(report.tally(Deleted as i32), 99);
    assert_eq!(report.outcome(37), Some(Rejected));
    assert_eq!(common::code(&report, 37), Some("13000102"));
    assert!(report.request_count() <= 31);

    let everything = sandbox_of_poison(&ids);
    let (report, _) = delete(&client(&everything), &plan(&ids));
    assert_eq!(report.tally(Rejected as i32), 100);
    assert!(report.request_count() <= 31);
}

#[test]
fn what_halving_did_not_try_alone_is_unfinished() {
    let ids = generated_ids(100);
    let poison: Vec<_> = ids.iter().step_by(10).cloned().collect();
    let sandbox = sandbox_of_poison(&poison);
    let client = client(&sandbox);
    let (mut report, _) = delete(&client, &plan(&ids));
    assert!(
        report.tally(Rejected as i32) > 10,
        "30 requests don't corner ten ids"
    );
    let mut runs = 1;
    while report.unfinished().unwrap().scope_count() > 0 {
        report = delete(&client, &report.unfinished().unwrap()).0;
        runs += 1;
        assert!(runs < 20);
    }
    assert_eq!(
        sandbox.totals().deleted,
        90,
        "all but the ten, after {runs} runs"
    );
}

fn sandbox_of_poison(ids: &[String]) -> Sandbox {
    sandbox(Options {
        poison_ids: ids.iter().map(|id| id.as_str().into()).collect(),
        ..Options::default()
    })
}

#[test]
fn a_service_that_refuses_everything_is_left_alone() {
    let sandbox = sandbox(Options {
        faults: vec![Rule::always(status(400))],
        ..Options::default()
    });
    let (report, error) = delete(&client(&sandbox), &plan(&generated_ids(10_000)));
    assert_eq!(kind(&error), Some(ErrorKind::Service));
    assert!(
        (20..24).contains(&report.request_count()),
        "{}",
        report.request_count()
    );
    assert_eq!(
        report.tally(NotSent as i32),
        10_000 - 100 * report.request_count()
    );
}

/// A run that never had a success stops when one request has had its attempts, and another one failed, too.
#[test]
fn a_service_that_never_answered_is_not_waited_for() {
    let gone = sandbox(Options::default());
    let mut config = config(&gone);
    drop(gone);
    config.set_max_attempts(1).unwrap();
    let ids = generated_ids(100_000);
    let (report, error) = delete(&Client::new(&config).unwrap(), &plan(&ids));
    assert_eq!(kind(&error), Some(ErrorKind::Unreachable));
    assert_eq!(report.tally(NotSent as i32), 100_000);
    assert_eq!(report.request_count(), 0);
    assert!(error.unwrap().retryable);

    let failing = sandbox(Options {
        faults: vec![Rule::always(status(502))],
        ..Options::default()
    });
    let mut config = common::config(&failing);
    config.set_max_attempts(2).unwrap();
    config.set_max_connections(1).unwrap();
    let (report, error) = delete(&Client::new(&config).unwrap(), &plan(&ids));
    assert_eq!(kind(&error), Some(ErrorKind::Service));
    assert_eq!(report.request_count(), 3);
    assert_eq!(failing.totals().requests, 3);
    let why = message(&report, 99_999).expect("a reason for what was not sent");
    let words = "the service is down, the run was stopped: the service failed to execute";
    assert!(why.starts_with(words), "{why}");
    assert_eq!(report.tally(Unknown as i32), 200);
    assert_eq!(report.tally(NotSent as i32), 99_800);
}

#[test]
fn a_wrong_clock_costs_one_request() {
    const YEAR: i64 = 365 * 24 * 3600;
    for skew in [-3 * YEAR, -3600, -60, 0, 3600, YEAR] {
        let sandbox = sandbox(Options {
            clock_skew_s: skew,
            ..Options::default()
        });
        let mut config = config(&sandbox);
        config.set_max_attempts(1).unwrap();
        config.set_max_connections(1).unwrap();
        let client = Client::new(&config).unwrap();
        let extra = usize::from(skew != 0);
        let report = delete_ids(&client, &["1"]);
        assert_eq!(
            (outcomes(&report), report.request_count()),
            (vec![Deleted], 1 + extra),
            "{skew}"
        );
        let report = delete_ids(&client, &["2"]);
        assert_eq!(report.request_count(), 1, "the client has learnt it");
    }
}

#[test]
fn a_missing_or_absurd_date_corrects_nothing() {
    use koodrive_sandbox::DateHeader;
    for date in [
        DateHeader::Omitted,
        DateHeader::Verbatim("yesterday".into()),
        DateHeader::Verbatim("Thu, 01 Jan 1970 00:00:00 GMT".into()),
    ] {
        let sandbox = sandbox(Options {
            clock_skew_s: -3600,
            date,
            ..Options::default()
        });
        let (report, error) = delete(&client(&sandbox), &plan(&["1"]));
        assert_eq!(kind(&error), Some(ErrorKind::Unauthorized));
        assert_eq!(
            (outcomes(&report), report.request_count()),
            (vec![Rejected], 1)
        );
    }
}

#[test]
fn every_shape_of_an_answer_is_read() {
    for shape in [
        Shape::Object,
        Shape::Null,
        Shape::Missing,
        Shape::Numbers,
        Shape::ExtraFields,
    ] {
        let trial = always(Fault::Shape(shape));
        assert_eq!(trial.outcomes, [Deleted, Deleted, NotFound], "{shape:?}");
        assert_eq!((trial.error, trial.requests), (None, 1));
    }
    for lists in [
        r#""scopeIdList":["1","2","404"]"#,
        r#""scopeIdList":["1","2","404"],"failedScopeList":null"#,
        r#""scopeIdList":["1","2","404"],"failedScopeList":[]"#,
        r#""scopeIdList":[1,2,404],"failedScopeList":[],"more":{"a":[1.5,null]}"#,
        r#""scopeIdList":["\u0031","2","404"]"#,
    ] {
        for code in ["0", r#""0""#] {
            let trial = always(body(format!(
                r#"{{"code":{code},"msg":"success",{lists}}}"#
            )));
            assert_eq!(trial.outcomes, [Deleted; 3], "{lists}");
        }
    }
    for nothing in [
        "null",
        "[]",
        "{}",
        r#""""#,
        "[null]",
        "[null,null]",
        r#"{"scopeId":null,"errorCode":null,"msg":null}"#,
    ] {
        let answer = format!(
            r#"{{"code":0,"scopeIdList":["1",null,"2","404"],"failedScopeList":{nothing}}}"#
        );
        assert_eq!(always(body(answer)).outcomes, [Deleted; 3], "{nothing}");
    }
    let named = ["1", "2", "404"].map(|id| format!(r#"{{"scopeId":{id},"errorCode":"15000418"}}"#));
    for nothing in ["null", "{}", r#""""#, "[null]"] {
        let answer = format!(
            r#"{{"code":0,"scopeIdList":{nothing},"failedScopeList":[null,{}]}}"#,
            named.join(",null,")
        );
        assert_eq!(always(body(answer)).outcomes, [NotFound; 3], "{nothing}");
    }
    let object = r#"{"code":0,"scopeIdList":["1","2"],"failedScopeList":{"scopeId":404,"errorCode":15000418}}"#;
    let trial = always(body(object));
    assert_eq!(trial.outcomes, [Deleted, Deleted, NotFound]);
    assert_eq!(common::code(&trial.report, 2), Some("15000418"));
}

/// Words are for people: nothing depends on them.
#[test]
fn a_message_that_is_no_text_is_left_out() {
    let deep = "[".repeat(100) + &"]".repeat(100);
    for words in [
        "true",
        "null",
        "1",
        "-1",
        "1.5",
        r#"{"en":"No."}"#,
        r#"["No."]"#,
        &deep,
    ] {
        let answer = format!(
            r#"{{"code":0,"msg":{words},"scopeIdList":["1","2"],"failedScopeList":[{{"scopeId":"404","errorCode":"15000999","msg":{words}}}]}}"#
        );
        let trial = always(body(answer));
        assert_eq!(trial.outcomes, [Deleted, Deleted, Rejected], "{words:.20}");
        assert_eq!(message(&trial.report, 2), None, "{words:.20}");
        let trial = always(refusal(404, &format!(r#"{{"code":7,"msg":{words}}}"#)));
        assert_eq!(common::code(&trial.report, 0), Some("7"), "{words:.20}");
    }
}

/// JSON's grammar allows what is no character.
#[test]
fn a_message_with_half_a_surrogate_pair_is_read() {
    let answer = r#"{"code":0,"scopeIdList":["1","2"],
        "failedScopeList":[{"scopeId":"404","errorCode":"15000999","msg":"locked \ud83d\n"}]}"#;
    let trial = always(body(answer));
    assert_eq!(trial.outcomes, [Deleted, Deleted, Rejected]);
    assert_eq!(message(&trial.report, 2), Some("locked \u{fffd}\n"));
}

#[test]
fn numbers_are_exact_to_64_bits() {
    let ids = [
        "9007199254740993",
        "18446744073709551615",
        "9223372036854775807",
    ];
    let sandbox = sandbox(Options {
        faults: vec![Rule::always(body(
            r#"{"code":0,"scopeIdList":[9007199254740993,18446744073709551615],"failedScopeList":{"scopeId":9223372036854775807,"errorCode":18446744073709551615}}"#,
        ))],
        ..Options::default()
    });
    let report = delete_ids(&client(&sandbox), &ids);
    assert_eq!(outcomes(&report), [Deleted, Deleted, Rejected]);
    assert_eq!(code(&report, 2), Some("18446744073709551615"));
}

#[test]
fn what_is_no_answer_is_never_success() {
    for text in [
        "",
        "[0]",
        "[0,null,[\"1\",\"2\",\"404\"]]",
        "null",
        "{}",
        r#"{"msg":"success","scopeIdList":["1","2","404"]}"#,
        r#"{"error_code":"0","scopeIdList":["1","2","404"]}"#,
        r#"{"code":0.0,"scopeIdList":["1","2","404"]}"#,
        r#"{"code":0,"code":0,"scopeIdList":["1","2","404"]}"#,
        r#"{"code":0,"scopeIdList":[1.0,2,404]}"#,
        r#"{"code":0,"scopeIdList":["1","2","404"]} x"#,
        r#"{"code":0,"scopeIdList":[["1"],"2","404"]}"#,
        r#"{"code":0,"scopeIdList":["1","2"],"failedScopeList":[["404","15000418"]]}"#,
        r#"{"code":0,"scopeIdList":["1","2"],"failedScopeList":[{"errorCode":"15000418"}]}"#,
        r#"{"code":0,"scopeIdList":["1","2"],"failedScopeList":{"errorCode":"15000418"}}"#,
        r#"{"code":0,"scopeIdList":["1","2"],"failedScopeList":{"msg":"?"}}"#,
        r#"{"code":0,"scopeIdList":["1","2","404"],"failedScopeList":[{}]}"#,
        r#"{"code":0,"scopeIdList":["1","2","404"],"failedScopeList":"none"}"#,
        r#"{"code":0,"scopeIdList":{"1":"2"},"failedScopeList":[]}"#,
        r#"{"code":0,"scopeIdList":"1"}"#,
        r#"{"code":false,"scopeIdList":["1","2","404"]}"#,
        r#"{"code":0,"scopeIdList":["1","2",true]}"#,
        "\u{feff}{\"code\":0,\"scopeIdList\":[\"1\",\"2\",\"404\"]}",
        "<html><body>Welcome to the hotel's network</body></html>",
        &"[".repeat(100_000),
    ] {
        let trial = always(body(text));
        assert_eq!(trial.outcomes, [Unknown; 3], "{:.80}", text);
        assert_eq!(
            (trial.error, trial.requests),
            (Some(ErrorKind::InvalidResponse), 2)
        );
    }
}

#[test]
fn a_secret_that_the_service_echoes_is_scrubbed() {
    let echo = refusal(
        400,
        r#"{"code":"a-token","msg":"Bearer a-token is not\u0000good"}"#,
    );
    let trial = always(echo);
    assert_eq!(
        message(&trial.report, 0),
        Some("Bearer *** is not\u{fffd}good")
    );
    assert_eq!(common::code(&trial.report, 0), Some("***"));
}

#[test]
fn a_secret_that_looks_like_a_code_changes_no_outcome() {
    for secret in ["0", "5", "15000418", "1"] {
        let sandbox = sandbox(Options {
            scopes: ScopeSource::Auto { count: 1 },
            ..Options::default()
        });
        let mut config = config(&sandbox);
        config.set_access_token(secret).unwrap();
        let client = Client::new(&config).unwrap();
        let (report, error) = delete(&client, &plan(&[&common::generated_ids(1)[0], "404"]));
        assert!(error.is_none(), "{secret}: {error:?}");
        assert_eq!(report.outcome(0), Some(Deleted), "{secret}");
        assert_eq!(report.outcome(1), Some(NotFound), "{secret}");
        assert_eq!(common::code(&report, 1), Some("15000418"), "{secret}");
    }
}

/// The API reference writes the space of `Bearer <token>` as a plus.
#[test]
fn the_token_of_a_verbatim_authorization_is_scrubbed() {
    for value in ["Bearer+60f4ccc7", "Bearer 60f4ccc7"] {
        let sandbox = sandbox(Options {
            faults: vec![Rule::always(refusal(
                400,
                r#"{"code":1,"msg":"60f4ccc7 is unknown"}"#,
            ))],
            ..Options::default()
        });
        let mut config = config(&sandbox);
        config.set_authorization(value).unwrap();
        let (report, error) = delete(&Client::new(&config).unwrap(), &plan(&["1"]));
        assert_eq!(message(&report, 0), Some("*** is unknown"));
        assert!(!error.unwrap().message.contains("60f4ccc7"));
    }
}

#[test]
fn faults_of_one_user_are_not_anothers() {
    let only_one = Rule {
        requests: Match {
            user: Some("unlucky".into()),
            ..Match::default()
        },
        fault: status(500),
    };
    let sandbox = sandbox(Options {
        faults: vec![only_one],
        ..Options::default()
    });
    let mut config = config(&sandbox);
    config.set_max_attempts(1).unwrap();
    // Whose request is the last decides whether the service seems to be down.
    config.set_max_outage_ms(200).unwrap();
    let mut plan = plan(&["1"]);
    plan.add(Some("unlucky"), DEVICE, ["1"].into_iter())
        .unwrap();
    let (report, error) = delete(&Client::new(&config).unwrap(), &plan);
    assert_eq!(outcomes(&report), [Deleted, Unknown]);
    assert_eq!(kind(&error), Some(ErrorKind::Service));
}

/// Why a run fails whose one request always meets this fault.
fn error_of(fault: Fault) -> Error {
    let sandbox = sandbox(Options {
        faults: vec![Rule::always(fault)],
        ..Options::default()
    });
    let mut config = config(&sandbox);
    config.set_max_attempts(1).unwrap();
    config.set_max_outage_ms(200).unwrap();
    let (_, error) = delete(&Client::new(&config).unwrap(), &plan(&["1"]));
    error.expect("the run fails")
}

/// Whether the same again, later and unchanged, may succeed.
#[test]
fn errors_say_whether_to_come_back() {
    for (fault, retryable) in [
        (status(400), true),
        (status(404), true),
        (status(429), true),
        (status(500), true),
        (status(503), true),
        (body("gibberish"), true),
        (status(401), false),
        (status(403), false),
        (status(302), false),
        (refusal(400, r#"{"code":13000102}"#), false),
    ] {
        let case = format!("{fault:?}");
        assert_eq!(error_of(fault).retryable, retryable, "{case}");
    }
}

/// The message says which rule a response breaks, for whoever has to find out what answers there.
#[test]
fn errors_name_the_broken_rule() {
    for (fault, words) in [
        (
            body("gibberish"),
            "the response can't be read: expected value at line 1 column 1",
        ),
        (body("null"), "the response can't be read: it is null"),
        (
            body(r#"{"code":0,"scopeIdList":"1"}"#),
            "the response can't be read: not in the form of the API reference",
        ),
        (
            body(r#"{"code":0,"scopeIdList":{"1":true}}"#),
            "the response can't be read: not in the form of the API reference",
        ),
        (body("{}"), "the response holds no code"),
        (status(302), "redirects are not followed"),
        (status(204), "the response's status has no meaning here"),
        (
            body(r#"{"code":0}"#),
            "the response does not name each id once",
        ),
        (
            body(r#"{"code":0,"scopeIdList":["2"]}"#),
            "the response names an id that was not asked for",
        ),
        (
            body(r#"{"code":1,"scopeIdList":["1"]}"#),
            "the response's code is an error, and yet it names ids",
        ),
        (
            refusal(429, r#"{"scopeIdList":["1"]}"#),
            "the response refuses the request and yet names deleted ids",
        ),
        (status(500), "the service failed to execute the request"),
        (status(401), "the service does not accept the authorization"),
        (status(404), "the service refused the request"),
    ] {
        let message = error_of(fault).message;
        assert!(message.starts_with(words), "{message}");
    }
}

/// Each id keeps the words that were said of it, whoever else was told the same or something else.
#[test]
fn every_id_has_its_own_words() {
    let words = |id: &u32| format!("reason {}", id % 3);
    let ids: Vec<u32> = (0..250).collect();
    let rejection = |id: &u32| {
        let rejection = Rejection {
            error_code: (7 + id % 3).to_string(),
            msg: words(id),
        };
        (id.to_string().as_str().into(), rejection)
    };
    let sandbox = sandbox(Options {
        rejected_ids: ids.iter().map(rejection).collect(),
        ..Options::default()
    });
    let texts: Vec<_> = ids.iter().map(u32::to_string).collect();
    let report = delete_ids(&client(&sandbox), &texts);
    assert_eq!(report.outcomes(), vec![Rejected as i32; 250]);
    for id in ids {
        let position = id as usize;
        assert_eq!(message(&report, position), Some(words(&id).as_str()));
        assert_eq!(
            code(&report, position),
            Some((7 + id % 3).to_string().as_str())
        );
    }
}

/// What the service said last stays, whatever is lost after it.
#[test]
fn silence_does_not_overwrite_words() {
    let says = |words: &str| refusal(500, &format!(r#"{{"code":7,"msg":"{words}"}}"#));
    let silence = Fault::LoseAnswer;
    for (first, second, expected) in [
        (says("one"), says("two"), "two"),
        (says("one"), silence.clone(), "one"),
        (silence.clone(), says("two"), "two"),
        (silence.clone(), silence, "the connection was closed"),
    ] {
        let trial = attempt(vec![Rule::during(0..1, first), Rule::always(second)]);
        for position in 0..3 {
            let message = message(&trial.report, position).expect("some words");
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }
}

/// A sandbox on which `1` exists and `7` is refused, whose first request is lost, and what is unfinished
/// after that.
fn after_a_lost_answer(executed: bool) -> (Sandbox, Client, Report) {
    let listed = [(
        USER.into(),
        [(DEVICE.into(), vec!["1".into(), "7".into()].into())].into(),
    )]
    .into();
    let rejection = Rejection {
        error_code: "15000999".into(),
        msg: "locked".into(),
    };
    let sandbox = sandbox(Options {
        scopes: ScopeSource::Listed(listed),
        faults: vec![Rule::during(0..1, Fault::Reset { executed })],
        rejected_ids: [("7".into(), rejection)].into(),
        ..Options::default()
    });
    let mut config = config(&sandbox);
    config.set_max_attempts(1).unwrap();
    config.set_max_outage_ms(200).unwrap();
    let client = Client::new(&config).unwrap();
    let (report, _) = delete(&client, &plan(&["1", "404", "7"]));
    assert_eq!(outcomes(&report), [Unknown; 3]);
    (sandbox, client, report)
}

#[test]
fn what_an_earlier_run_may_have_deleted_is_never_called_not_found() {
    for (executed, first) in [(true, Gone), (false, Deleted)] {
        let (_sandbox, client, report) = after_a_lost_answer(executed);
        let (report, error) = delete(&client, &report.unfinished().unwrap());
        // A refusal does not say what the earlier run did.
        assert_eq!(outcomes(&report), [first, Gone, Unknown], "{executed}");
        assert_eq!(kind(&error), None, "each id got its own response");
        assert_eq!(
            report.next_unfinished(0),
            None,
            "nothing else would be said"
        );
        assert_eq!(report.next_failure(0), Some(2), "it may still exist");
    }
}

#[test]
fn what_was_tried_before_stays_unknown_when_a_run_sends_nothing() {
    let (_sandbox, client, report) = after_a_lost_answer(true);
    let monitor = Monitor::default();
    monitor.cancel();
    let plan = report.unfinished().unwrap();
    let (cancelled, error) = client.delete_plan(&plan, Some(&monitor)).unwrap();
    assert_eq!(outcomes(&cancelled), [Unknown; 3]);
    assert_eq!(kind(&error), Some(ErrorKind::Cancelled));
    let (report, _) = delete(&client, &cancelled.unfinished().unwrap());
    assert_eq!(outcomes(&report), [Gone, Gone, Unknown]);
}

#[test]
fn a_refused_request_leaves_unknown_what_was_tried_before() {
    let (sandbox, client, report) = after_a_lost_answer(true);
    let mut plan = report.unfinished().unwrap();
    plan.add(Some(USER), DEVICE, ["9"].into_iter()).unwrap();
    for code in [429, 404, 401] {
        sandbox.set_faults(vec![Rule::always(status(code))]);
        let (report, _) = delete(&client, &plan);
        assert_eq!(outcomes(&report), [Unknown, Unknown, Unknown, Rejected]);
    }
}

#[test]
fn a_plan_can_be_told_that_its_ids_were_tried() {
    let sandbox = sandbox(Options {
        scopes: ScopeSource::Listed([].into()),
        ..Options::default()
    });
    let client = client(&sandbox);
    let mut plan = Plan::new();
    plan.mark_tried();
    plan.add(Some(USER), DEVICE, ["1", "2"].into_iter())
        .unwrap();
    let (report, _) = delete(&client, &plan);
    plan.mark_tried();
    plan.add(Some(USER), DEVICE, ["3", "1"].into_iter())
        .unwrap();
    assert_eq!(
        outcomes(&report),
        [NotFound, NotFound],
        "it is not the report's plan"
    );
    let (report, error) = delete(&client, &plan);
    assert_eq!(outcomes(&report), [Gone, Gone, NotFound, Duplicate]);
    assert_eq!(kind(&error), None);
}
