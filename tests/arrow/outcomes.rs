//! Outcomes as a table.

use std::ptr;

use koodrive::ffi::arrow::abi::{ArrowArray, ArrowArrayStream, Releasable};
use koodrive::ffi::client::*;
use koodrive::ffi::result::*;
use koodrive_sandbox::{Options, Rejection, Sandbox, ScopeSource};

use crate::consumer::{Cells, column, elements, next, release, rows, to_arrow};
use crate::layouts::Column;
use crate::plan::{CONFIGURED, Plan, call, client};

/// The result of a run of a plan on a sandbox.
fn run(plan: &Plan, sandbox: &Sandbox) -> *mut koodrive_result {
    let client = client(sandbox.url());
    let mut result = ptr::null_mut();
    // SAFETY: live objects; the client is freed once.
    unsafe {
        call(|error| koodrive_client_delete_plan(client, plan.0, ptr::null(), &mut result, error))
            .unwrap();
        koodrive_client_free(client);
    }
    result
}

/// The result of a run of some ids: "7" is locked.
fn result() -> *mut koodrive_result {
    let locked = Rejection {
        error_code: "15000999".into(),
        msg: "The scope is locked.".into(),
    };
    let sandbox = Sandbox::start(Options {
        scopes: ScopeSource::Everything,
        rejected_ids: [("7".into(), locked)].into(),
        ..Options::default()
    });
    let sandbox = sandbox.unwrap();
    let mut plan = Plan::new();
    let users = [None, None, Some("Li"), None];
    let devices = ["phone", "phone", "tablet", "phone"].map(Some);
    plan.add_columns(&[
        Column::texts("u", &users).named("user_id"),
        Column::texts("u", &devices).named("device_id"),
        Column::texts("u", &["1", "7", "1", "1"].map(Some)).named("scope_id"),
    ])
    .unwrap();
    run(&plan, &sandbox)
}

#[test]
fn each_id_is_a_row() {
    let result = result();
    let stream = to_arrow(result);
    let other = to_arrow(result);
    // SAFETY: a live result: the streams outlive it.
    unsafe { koodrive_result_free(result) };
    let row = |cells: [&str; 6]| cells.map(|cell| (cell != "-").then(|| cell.to_owned()));
    let expected = [
        row([CONFIGURED, "phone", "1", "DELETED", "-", "-"]),
        row([
            CONFIGURED,
            "phone",
            "7",
            "REJECTED",
            "15000999",
            "The scope is locked.",
        ]),
        row(["Li", "tablet", "1", "DELETED", "-", "-"]),
        row([
            CONFIGURED,
            "phone",
            "1",
            "DUPLICATE",
            "15000424",
            "repeats the id at index 0",
        ]),
    ];
    for stream in [stream, other] {
        let found = rows(stream);
        assert_eq!(found[..3], expected[..3]);
        assert_eq!(found[3][..5], expected[3][..5]);
        assert!(found[3][5].is_some());
    }
}

/// The earlier run may have deleted it, whichever row says that there was one.
#[test]
fn an_id_of_which_a_duplicate_was_tried_is_gone() {
    let sandbox = Sandbox::start(Options {
        scopes: ScopeSource::Auto { count: 0 },
        ..Options::default()
    });
    let mut plan = Plan::new();
    plan.add_columns(&[
        Column::texts("u", &["phone"; 4].map(Some)).named("device_id"),
        Column::texts("u", &["2", "1", "1", "2"].map(Some)).named("scope_id"),
        Column::booleans(&[false, false, true, false].map(Some)).named("tried"),
    ])
    .unwrap();
    let tried: Vec<_> = plan.rows().into_iter().map(|row| row.3).collect();
    assert_eq!(tried, [false, true, false, false]);
    let result = run(&plan, &sandbox.unwrap());
    let outcomes = rows(to_arrow(result))
        .into_iter()
        .map(|row| row[3].clone().unwrap());
    let expected = ["NOT_FOUND", "GONE", "DUPLICATE", "DUPLICATE"];
    assert_eq!(outcomes.collect::<Vec<_>>(), expected);
    // SAFETY: a live result.
    unsafe { koodrive_result_free(result) };
}

#[test]
fn a_result_becomes_a_plan() {
    let result = result();
    let mut stream = to_arrow(result);
    let mut plan = Plan::new();
    plan.add_stream(&mut stream).unwrap();
    let found: Vec<_> = plan
        .rows()
        .into_iter()
        .map(|row| [row.0, row.1, row.2])
        .collect();
    let expected = rows(to_arrow(result))
        .into_iter()
        .map(|[user, device, id, ..]| [user, device, id].map(Option::unwrap));
    assert_eq!(found, expected.collect::<Vec<_>>());
    // SAFETY: a live result.
    unsafe { koodrive_result_free(result) };
}

#[test]
fn a_column_may_be_moved_out_of_its_batch() {
    let result = result();
    let mut stream = to_arrow(result);
    let batch = next(&mut stream).unwrap();
    // SAFETY: a live child, which is marked as moved.
    let moved = unsafe { ptr::replace(elements(batch.children, 6)[2], ArrowArray::RELEASED) };
    release(batch);
    release(stream);
    // SAFETY: a live result.
    unsafe { koodrive_result_free(result) };
    let ids = ["1", "7", "1", "1"].map(|id| Some(id.to_owned()));
    assert_eq!(column(&moved), ids);
    release(moved);
}

#[test]
fn a_result_without_ids_has_no_batch() {
    let result = Plan::new().cancelled();
    assert_eq!(rows(to_arrow(result)), Vec::<Cells>::new());
    // SAFETY: a live result.
    unsafe { koodrive_result_free(result) };
}

#[test]
fn a_batch_has_a_million_rows_at_most() {
    let mut plan = Plan::new();
    let most = 1_000_000;
    let numbers: Vec<_> = (0..most + 2).map(Some).collect();
    let devices = Column::dictionary("c", &vec![Some(0); numbers.len()], {
        Column::texts("u", &[Some("phone")])
    });
    let ids = Column::integers("l", &numbers).named("scope_id");
    plan.add_columns(&[ids, devices.named("device_id")])
        .unwrap();
    let result = plan.cancelled();
    let mut stream = to_arrow(result);
    // SAFETY: a live result.
    unsafe { koodrive_result_free(result) };
    let [first, second] = [(); 2].map(|()| next(&mut stream).unwrap());
    assert!(next(&mut stream).is_none());
    assert_eq!([first.length, second.length], [1_000_000, 2]);
    // SAFETY: a live child.
    let last = column(unsafe { &*elements(second.children, 6)[2] });
    assert_eq!(last, [most, most + 1].map(|id| Some(id.to_string())));
    release(first);
    release(second);
    release(stream);
}

#[test]
fn nulls_are_refused() {
    let result = Plan::new().cancelled();
    let mut stream = to_arrow(result);
    release(std::mem::replace(&mut stream, ArrowArrayStream::RELEASED));
    // SAFETY: NULL is refused, for either.
    let without_result =
        call(|error| unsafe { koodrive_result_to_arrow(ptr::null(), &mut stream, error) });
    assert_eq!(without_result.unwrap_err(), "result: must not be NULL");
    assert!(stream.release.is_none());
    // SAFETY: a live result; NULL is refused.
    let without_place =
        call(|error| unsafe { koodrive_result_to_arrow(result, ptr::null_mut(), error) });
    assert_eq!(without_place.unwrap_err(), "out: must not be NULL");
    // SAFETY: a live result.
    unsafe { koodrive_result_free(result) };
}
