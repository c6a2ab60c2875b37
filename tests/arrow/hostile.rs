//! What is refused: columns that hold no ids, rows that break a rule, and memory that contradicts itself.

use std::ptr;

use koodrive::ffi::arrow::abi::{ArrowArrayStream, Releasable};
use koodrive::ffi::plan::koodrive_plan_add_arrow;

use crate::layouts::Column;
use crate::plan::{Plan, batch, call, schema, stream};
use crate::producer::{Array, Failure, Held, Stream, export};

fn ids() -> Column {
    Column::texts("u", &[Some("1"), Some("2"), Some("3")]).named("scope_id")
}

fn devices() -> Column {
    Column::texts("u", &[Some("phone"); 3]).named("device_id")
}

/// Why a stream is refused, by a plan that holds something already.
fn refused(stream: Stream) -> String {
    let mut plan = Plan::new();
    plan.add_columns(&[ids(), devices()]).unwrap();
    plan.add(stream).unwrap_err()
}

fn refused_columns(columns: &[Column]) -> String {
    refused(stream(columns))
}

fn refused_array(change: impl FnOnce(&mut Array)) -> String {
    let columns = [ids(), devices()];
    let mut array = batch(&columns);
    change(&mut array);
    refused(Stream {
        schema: Ok(schema(&columns)),
        batches: vec![Ok(array)],
    })
}

/// Why these ids are refused after their array was changed.
fn refused_ids(column: Column, change: impl FnOnce(&mut Array)) -> String {
    let mut column = column.named("scope_id");
    change(&mut column.array);
    refused_columns(&[devices(), column])
}

fn long_ids() -> [Option<&'static str>; 3] {
    [
        Some("1842846715527366528"),
        Some("2"),
        Some("1842846715527366529"),
    ]
}

fn put(bytes: &mut Option<Vec<u8>>, at: usize, new: &[u8]) {
    bytes.as_mut().unwrap()[at..at + new.len()].copy_from_slice(new);
}

#[test]
fn columns_that_hold_no_ids() {
    for (format, why) in [
        ("g", "floating point numbers, which round long ids"),
        ("f", "floating point numbers"),
        ("e", "floating point numbers"),
        ("d:19,0", "decimals"),
        ("b", "booleans"),
        ("z", "bytes"),
        ("Z", "bytes"),
        ("vz", "bytes"),
        ("w:16", "bytes"),
        ("tsu:UTC", "times"),
        ("tdD", "times"),
        ("+l", "nested values"),
        ("+s", "nested values"),
        ("+r", "nested values"),
        ("", "no ids"),
        ("uu", "no ids"),
        ("no format that anybody knows", "no ids"),
    ] {
        for name in ["scope_id", "device_id", "user_id"] {
            let mut columns = vec![ids(), devices(), ids().named("user_id")];
            let column = columns.iter_mut().find(|column| column.schema.name == name);
            column.unwrap().schema.format = format.to_owned();
            let message = refused_columns(&columns);
            assert!(
                message.starts_with(&format!("{name}: must hold texts or integers")),
                "{message}"
            );
            assert!(message.contains(why), "{message}");
        }
        let entries = [Column::nulls(0), ids()];
        for mut entries in entries {
            entries.schema.format = format.to_owned();
            let column = Column::dictionary("i", &[Some(0); 3], entries);
            let message = refused_ids(column, |_| {});
            assert!(message.starts_with("scope_id: must hold"), "{message}");
        }
        let mut column = Column::dictionary("i", &[Some(0); 3], ids());
        column.schema.format = format.to_owned();
        let message = refused_ids(column, |_| {});
        assert!(message.starts_with("scope_id: must hold"), "{message}");
    }
}

#[test]
fn a_dictionary_of_dictionaries_is_refused() {
    let inner = Column::dictionary("c", &[Some(0)], ids());
    let outer = Column::dictionary("c", &[Some(0); 3], inner);
    let message = refused_ids(outer, |_| {});
    assert_eq!(message, "scope_id: is a dictionary of dictionaries");
}

#[test]
fn values_of_an_extension_type_are_refused() {
    let text = |text: &str| [&(text.len() as i32).to_ne_bytes(), text.as_bytes()].concat();
    let pair = |key: &str, value: &str| [text(key), text(value)].concat();
    let metadata = |pairs: &[Vec<u8>]| {
        Some([(pairs.len() as i32).to_ne_bytes().to_vec(), pairs.concat()].concat())
    };
    let other = pair("PARQUET:field_id", "1");
    let extension = pair("ARROW:extension:name", "pandas.period");
    let mut plain = ids();
    plain.schema.metadata = metadata(&[other.clone(), pair("", "")]);
    Plan::new().add_columns(&[plain, devices()]).unwrap();
    let mut column = ids();
    column.schema.metadata = metadata(&[other, extension]);
    let dictionary = Column::dictionary("c", &[Some(0); 3], column.clone());
    for column in [column, dictionary] {
        let message = refused_ids(column, |_| {});
        assert!(
            message.starts_with("scope_id: is of an extension type"),
            "{message}"
        );
    }
    let mut broken = ids();
    broken.schema.metadata = Some((-1i32).to_ne_bytes().to_vec());
    let message = refused_ids(broken, |_| {});
    assert_eq!(message, "scope_id: has broken metadata");
}

#[test]
fn columns_that_are_missing_or_stand_there_twice() {
    assert_eq!(
        refused_columns(&[devices()]),
        "stream: has no column \"scope_id\""
    );
    assert_eq!(
        refused_columns(&[ids()]),
        "stream: has no column \"device_id\""
    );
    for name in ["scope_id", "device_id", "user_id", "tried"] {
        let twin = |column: Column| column.named(name);
        let columns = [ids(), devices(), twin(ids()), twin(ids())];
        let message = refused_columns(&columns);
        assert_eq!(message, format!("stream: has two columns \"{name}\""));
    }
}

#[test]
fn a_stream_of_something_else_than_tables() {
    let mut not_a_table = stream(&[ids(), devices()]);
    not_a_table.schema.as_mut().unwrap().format = "u".to_owned();
    assert_eq!(refused(not_a_table), "stream: holds no table");
}

#[test]
fn rows_that_break_a_rule() {
    for (texts, column, why) in [
        (["1", "", "3"], "scope_id", "row 1: scope_id \"\" is empty"),
        (
            ["1", "2", "1.5e9"],
            "scope_id",
            "row 2: scope_id \"1.5e9\" is damaged",
        ),
        (
            ["1\r", "2", "3 "],
            "scope_id",
            "row 0: scope_id \"1\\r\" ends with a carriage return",
        ),
        (
            ["1\r", "2", "3 "],
            "scope_id",
            "; row 2: scope_id \"3 \" holds something else",
        ),
        (
            ["a", "", "b"],
            "device_id",
            "row 1: device_id: must not be empty",
        ),
        (
            ["a", "b", "b/../c"],
            "device_id",
            "row 2: device_id: must not hold",
        ),
        (
            ["a", " b", "c"],
            "user_id",
            "row 1: user_id: must not begin",
        ),
    ] {
        let texts = texts.map(Some);
        for bad in [
            Column::texts("u", &texts),
            Column::texts("U", &texts),
            Column::views(&texts),
        ] {
            let others = ["scope_id", "device_id", "user_id"].map(|name| ids().named(name));
            let others = others
                .into_iter()
                .filter(|other| other.schema.name != column);
            let columns: Vec<_> = others.chain([bad.named(column)]).collect();
            let message = refused_columns(&columns);
            assert!(message.contains(why), "{message}");
        }
    }
}

#[test]
fn five_bad_rows_are_named_and_the_others_counted() {
    let texts = vec![Some("1 "); 7];
    let phones = Column::texts("u", &[Some("phone"); 7]).named("device_id");
    let columns = [Column::texts("u", &texts).named("scope_id"), phones];
    let good = [ids(), devices()];
    let message = refused(Stream {
        schema: Ok(schema(&columns)),
        batches: vec![Ok(batch(&good)), Ok(batch(&columns)), Ok(batch(&good))],
    });
    assert!(
        message.starts_with("row 3: scope_id \"1 \" holds"),
        "{message}"
    );
    assert!(message.contains("row 7: "), "{message}");
    assert!(message.ends_with("; and 2 more"), "{message}");
}

#[test]
fn nulls_where_there_must_be_something() {
    let texts = [Some("1"), None, Some("3")];
    let numbers = [Some(1), None, Some(3)];
    for column in [
        Column::texts("u", &texts),
        Column::texts("U", &texts),
        Column::views(&texts),
        Column::integers("l", &numbers),
        Column::dictionary("c", &[Some(0), None, Some(1)], ids()),
        Column::dictionary(
            "c",
            &[Some(0), Some(1), Some(2)],
            Column::texts("u", &texts),
        ),
    ] {
        for (name, other) in [("scope_id", devices()), ("device_id", ids())] {
            let message = refused_columns(&[column.clone().named(name), other]);
            assert_eq!(message, format!("row 1: {name} is null"));
        }
    }
    let message = refused_columns(&[Column::nulls(3).named("scope_id"), devices()]);
    assert_eq!(message, "row 0: scope_id is null");
    let endless = |name| {
        let mut column = Column::nulls(3).named(name);
        column.array.length = i64::MAX / 2;
        column
    };
    let message = refused_columns(&["scope_id", "device_id", "user_id"].map(endless));
    assert_eq!(message, "row 0: scope_id is null");
    let tried = Column::booleans(&[Some(true), Some(false), None]).named("tried");
    assert_eq!(
        refused_columns(&[ids(), devices(), tried]),
        "row 2: tried is null"
    );
    let message = refused_array(|array| array.buffers[0] = Some(vec![0b011]));
    assert_eq!(message, "row 2: is null");
}

#[test]
fn texts_that_are_not_utf8() {
    let bytes = |column: &mut Array| put(&mut column.buffers[2], 1, b"\xff");
    for format in ["u", "U"] {
        let column = Column::texts(format, &[Some("1"), Some("2"), Some("3")]);
        assert_eq!(refused_ids(column, bytes), "row 1: scope_id is not UTF-8");
    }
    // A character that is cut in two.
    let column = Column::texts("u", &[Some("é"), Some("2"), Some("3")]);
    let cut = |array: &mut Array| put(&mut array.buffers[1], 4, &1i32.to_ne_bytes());
    assert_eq!(refused_ids(column, cut), "row 0: scope_id is not UTF-8");
    let inline = |array: &mut Array| put(&mut array.buffers[1], 4, b"\xc3");
    let column = Column::views(&[Some("1"), Some("2"), Some("3")]);
    assert_eq!(refused_ids(column, inline), "row 0: scope_id is not UTF-8");
}

#[test]
fn offsets_that_lead_astray() {
    let why = "scope_id has offsets that descend or lead out of its data";
    for (format, width) in [("u", 4), ("U", 8)] {
        let number = |number: i64| number.to_ne_bytes()[..width].to_vec();
        for (at, offset, row) in [
            (0, 2, 0),
            (1, -1, 0),
            (2, 0, 1),
            (1, 99, 0),
            (2, i64::MIN, 1),
        ] {
            let column = Column::texts(format, &[Some("1"), Some("2"), Some("3")]);
            let change =
                |array: &mut Array| put(&mut array.buffers[1], at * width, &number(offset));
            if width == 4 && offset == i64::MIN {
                continue; // It is 0, cut to 32 bits.
            }
            assert_eq!(refused_ids(column, change), format!("row {row}: {why}"));
        }
        let column = Column::texts(format, &[Some("1"), Some("2"), Some("3")]);
        let change = |array: &mut Array| put(&mut array.buffers[1], 3 * width, &number(-1));
        let message = refused_ids(column, change);
        assert_eq!(
            message,
            "scope_id: has offsets that descend or lead out of its data"
        );
    }
}

#[test]
fn views_that_lead_astray() {
    let why = "row 0: scope_id has a view that leads out of its data or differs from it";
    for (at, number) in [
        (0, -1), // The length,
        (0, 39), // longer than its buffer;
        (4, 0),  // the first four bytes;
        (8, 2),  // the buffer;
        (8, -1),
        (12, 20), // where it begins.
        (12, -1),
        (12, i32::MAX),
    ] {
        let change = |array: &mut Array| put(&mut array.buffers[1], at, &number.to_ne_bytes());
        assert_eq!(refused_ids(Column::views(&long_ids()), change), why, "{at}");
    }
    let change = |array: &mut Array| put(&mut array.buffers[4], 0, &(-1i64).to_ne_bytes());
    let message = refused_ids(Column::views(&long_ids()), change);
    assert_eq!(message, "scope_id: has no memory for what it says it holds");
}

#[test]
fn indices_without_an_entry() {
    for (format, index) in [
        ("c", -1),
        ("c", 3),
        ("C", 255),
        ("l", i64::MAX.into()),
        ("L", u64::MAX.into()),
    ] {
        let column = Column::dictionary(format, &[Some(0), Some(index), Some(1)], ids());
        let message = refused_ids(column, |_| {});
        assert_eq!(
            message,
            "row 1: scope_id has an index for which its dictionary has no entry"
        );
    }
    let empty = Column::texts("u", &[]);
    let message = refused_ids(Column::dictionary("c", &[Some(0); 3], empty), |_| {});
    assert!(
        message.starts_with("row 0: scope_id has an index"),
        "{message}"
    );
    let message = refused_ids(Column::dictionary("c", &[Some(0); 3], ids()), |array| {
        array.dictionary = None;
    });
    assert_eq!(message, "scope_id: has no dictionary");
}

#[test]
fn arrays_that_contradict_themselves() {
    let no_memory = "scope_id: has no memory for what it says it holds";
    let ids_with = |change: fn(&mut Array)| refused_ids(ids(), change);
    assert_eq!(
        ids_with(|array| array.length = -1),
        "scope_id: has a negative length"
    );
    assert_eq!(
        ids_with(|array| array.offset = -1),
        "scope_id: has a negative offset"
    );
    assert_eq!(ids_with(|array| array.offset = i64::MAX), no_memory);
    assert_eq!(
        ids_with(|array| array.length = 2),
        "scope_id: has fewer rows than its table"
    );
    assert_eq!(ids_with(|array| array.buffers[1] = None), no_memory);
    assert_eq!(ids_with(|array| array.buffers[2] = None), no_memory);
    assert_eq!(
        ids_with(|array| array.n_buffers = Some(2)),
        "scope_id: has 2 buffers: too few"
    );
    assert_eq!(
        ids_with(|array| array.n_buffers = Some(-3)),
        "scope_id: has -3 buffers: too few"
    );
    let message = ids_with(|array| array.null_count = 1);
    assert_eq!(message, "scope_id: has nulls and does not say where");

    let no_memory = "stream: a batch has no memory for what it says it holds";
    assert_eq!(
        refused_array(|array| array.length = -1),
        "stream: a batch has a negative length"
    );
    assert_eq!(
        refused_array(|array| array.offset = -1),
        "stream: a batch has a negative offset"
    );
    assert_eq!(refused_array(|array| array.children[0] = None), no_memory);
    assert_eq!(
        refused_array(|array| array.n_children = Some(-1)),
        no_memory
    );
    assert_eq!(
        refused_array(|array| array.n_children = Some(1)),
        "stream: a batch has another number of columns than its schema"
    );
    assert_eq!(
        refused_array(|array| array.length = 4),
        "scope_id: has fewer rows than its table"
    );
    let huge = |array: &mut Array| {
        array.length = i64::MAX / 2;
        for child in array.children.iter_mut().flatten() {
            child.length = i64::MAX / 2;
        }
    };
    assert_eq!(
        refused_array(huge),
        "scope_id: has no memory for what it says it holds"
    );
}

#[test]
fn schemas_that_contradict_themselves() {
    for n_children in [-1, i64::MIN, i64::MAX] {
        let mut broken = stream(&[ids(), devices()]);
        broken.schema.as_mut().unwrap().n_children = Some(n_children);
        let message = refused(broken);
        assert_eq!(
            message,
            "stream: its schema has no memory for what it says it holds"
        );
    }
}

#[test]
fn what_was_tried_must_be_boolean() {
    for tried in [
        ids(),
        Column::integers("c", &[Some(1); 3]),
        Column::dictionary("c", &[Some(0); 3], Column::booleans(&[Some(true)])),
        Column::nulls(3),
    ] {
        let message = refused_columns(&[ids(), devices(), tried.named("tried")]);
        assert!(message.starts_with("tried: must be boolean"), "{message}");
    }
}

#[test]
fn a_stream_that_is_nothing_or_lacks_a_function() {
    let mut plan = Plan::new();
    // SAFETY: a live plan; NULL is refused.
    let null = call(|error| unsafe { koodrive_plan_add_arrow(plan.0, ptr::null_mut(), error) });
    assert_eq!(null.unwrap_err(), "stream: must not be NULL");
    let mut released = ArrowArrayStream::RELEASED;
    let released = plan.add_stream(&mut released);
    assert_eq!(released.unwrap_err(), "stream: is released already");
    for lacks in ["get_schema", "get_next"] {
        let held = Held::default();
        let mut stream = export(stream(&[ids(), devices()]), &held);
        match lacks {
            "get_schema" => stream.get_schema = None,
            _ => stream.get_next = None,
        }
        let message = plan.add_stream(&mut stream).unwrap_err();
        assert_eq!(message, format!("stream: has no {lacks}"));
        assert_eq!(held.count(), 0);
    }
    let held = Held::default();
    let failing = Stream {
        schema: Err(Failure {
            errno: 12,
            words: Some("never heard".to_owned()),
        }),
        batches: Vec::new(),
    };
    let mut stream = export(failing, &held);
    stream.get_last_error = None;
    let message = plan.add_stream(&mut stream).unwrap_err();
    assert_eq!(message, "stream: failed with errno 12");
    assert_eq!(held.count(), 0);
}

#[test]
fn a_stream_is_released_also_without_a_plan() {
    let held = Held::default();
    let mut stream = export(stream(&[ids(), devices()]), &held);
    // SAFETY: NULL is refused; a stream that is filled.
    let message =
        call(|error| unsafe { koodrive_plan_add_arrow(ptr::null_mut(), &mut stream, error) });
    assert_eq!(message.unwrap_err(), "plan: must not be NULL");
    assert!(stream.release.is_none());
    assert_eq!(held.count(), 0);
}
