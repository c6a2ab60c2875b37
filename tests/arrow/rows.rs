//! What a table's rows become in a plan, whatever the layout.

use koodrive::ffi::plan::koodrive_plan_scope_count;

use crate::layouts::Column;
use crate::plan::{CONFIGURED, Plan, Row, batch, schema, stream};
use crate::producer::{Failure, Stream};

const IDS: [Option<&str>; 4] = [
    Some("1842846715527366528"),
    Some("345"),
    Some("1842846715527366529"),
    Some("12-characters"),
];

/// The ids of `IDS` in each layout of texts.
fn layouts_of_texts(texts: &[Option<&str>]) -> Vec<(&'static str, Column)> {
    let indices: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| text.map(|_| texts.len() as i128 - 1 - index as i128))
        .collect();
    let reversed: Vec<_> = texts.iter().rev().copied().collect();
    let mut layouts = vec![
        ("utf8", Column::texts("u", texts)),
        ("large utf8", Column::texts("U", texts)),
        ("view", Column::views(texts)),
    ];
    for format in ["c", "C", "s", "S", "i", "I", "l", "L"] {
        for entries in [
            Column::texts("u", &reversed),
            Column::texts("U", &reversed),
            Column::views(&reversed),
        ] {
            let column = Column::dictionary(format, &indices, entries);
            layouts.push(("dictionary", column));
        }
    }
    layouts
}

fn devices(count: usize) -> Column {
    Column::texts("u", &vec![Some("phone"); count]).named("device_id")
}

fn scope_ids(ids: &[&str]) -> Column {
    let ids: Vec<_> = ids.iter().copied().map(Some).collect();
    Column::texts("u", &ids).named("scope_id")
}

/// The rows of a plan of this user's ids of "phone".
fn rows_of(user: &str, ids: &[&str]) -> Vec<Row> {
    let row = |id: &&str| (user.to_owned(), "phone".to_owned(), (*id).to_owned(), false);
    ids.iter().map(row).collect()
}

#[test]
fn texts_of_every_layout_are_read_exactly() {
    for (layout, column) in layouts_of_texts(&IDS) {
        for skipped in 0..4 {
            let mut plan = Plan::new();
            let column = column.clone().named("scope_id").skip(skipped);
            plan.add_columns(&[column, devices(4).skip(skipped)])
                .unwrap();
            let ids: Vec<_> = IDS[skipped as usize..].iter().flatten().copied().collect();
            assert_eq!(plan.rows(), rows_of(CONFIGURED, &ids), "{layout}");
        }
    }
}

#[test]
fn integers_of_every_width_are_read_as_their_digits() {
    for (format, least, most) in [
        ("c", i8::MIN.into(), i8::MAX.into()),
        ("C", 0, u8::MAX.into()),
        ("s", i16::MIN.into(), i16::MAX.into()),
        ("S", 0, u16::MAX.into()),
        ("i", i32::MIN.into(), i32::MAX.into()),
        ("I", 0, u32::MAX.into()),
        ("l", i64::MIN.into(), i64::MAX.into()),
        ("L", 0, i128::from(u64::MAX)),
    ] {
        let numbers = [least, 7, most];
        let digits = numbers.map(|number: i128| number.to_string());
        let digits = digits.each_ref().map(String::as_str);
        let numbers = numbers.map(Some);
        let plain = Column::integers(format, &numbers);
        let indices = [Some(0), Some(1), Some(2)];
        let dictionary = Column::dictionary("l", &indices, plain.clone());
        for column in [plain, dictionary] {
            let mut plan = Plan::new();
            let column = column.named("scope_id");
            plan.add_columns(&[devices(3), column]).unwrap();
            assert_eq!(plan.rows(), rows_of(CONFIGURED, &digits), "{format}");
        }
    }
}

#[test]
fn integers_may_be_users_and_devices() {
    let mut plan = Plan::new();
    plan.add_columns(&[
        Column::integers("L", &[Some(1_505_084_218_764_547_200), None]).named("user_id"),
        Column::integers("l", &[Some(1_842_812_272_691_451_648), Some(7)]).named("device_id"),
        Column::integers("i", &[Some(1), Some(2)]).named("scope_id"),
    ])
    .unwrap();
    let row = |user: &str, device: &str, id: &str| {
        (user.to_owned(), device.to_owned(), id.to_owned(), false)
    };
    assert_eq!(
        plan.rows(),
        [
            row("1505084218764547200", "1842812272691451648", "1"),
            row(CONFIGURED, "7", "2")
        ]
    );
}

#[test]
fn a_user_that_is_null_is_the_configs() {
    let users = [Some("a user with a long name"), None, None, Some("b")];
    for (layout, column) in layouts_of_texts(&users) {
        let mut plan = Plan::new();
        let ids = scope_ids(&["1", "2", "3", "4"]);
        plan.add_columns(&[column.named("user_id"), devices(4), ids])
            .unwrap();
        let found: Vec<_> = plan.rows().into_iter().map(|row| row.0).collect();
        let expected = users.map(|user| user.unwrap_or(CONFIGURED));
        assert_eq!(found, expected, "{layout}");
    }
    let mut plan = Plan::new();
    let users = Column::nulls(1).named("user_id");
    plan.add_columns(&[users, devices(1), scope_ids(&["1"])])
        .unwrap();
    assert_eq!(plan.rows(), rows_of(CONFIGURED, &["1"]));
}

#[test]
fn a_null_may_stand_in_the_dictionary() {
    let entries = Column::texts("u", &[None, Some("b")]);
    let users = Column::dictionary("c", &[Some(0), Some(1)], entries).named("user_id");
    let mut plan = Plan::new();
    plan.add_columns(&[users, devices(2), scope_ids(&["1", "2"])])
        .unwrap();
    let found: Vec<_> = plan.rows().into_iter().map(|row| row.0).collect();
    assert_eq!(found, [CONFIGURED, "b"]);
}

#[test]
fn ids_that_were_tried_are_marked() {
    let tried: Vec<_> = (0..11).map(|row| row % 3 == 0).collect();
    let ids: Vec<_> = (100..111).map(|id| id.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let flags: Vec<_> = tried.iter().copied().map(Some).collect();
    for skipped in [0, 1, 8, 9] {
        let mut plan = Plan::new();
        let columns = [
            Column::booleans(&flags).named("tried"),
            scope_ids(&ids),
            devices(11),
        ];
        plan.add_columns(&columns.map(|column| column.skip(skipped)))
            .unwrap();
        let found: Vec<_> = plan.rows().into_iter().map(|row| row.3).collect();
        assert_eq!(found, tried[skipped as usize..]);
    }
}

#[test]
fn a_tables_own_offset_counts() {
    let columns = [
        scope_ids(&["1", "2", "3", "4", "5"]).skip(1),
        devices(5).skip(1),
    ];
    let mut array = batch(&columns);
    array.offset = 1;
    array.length = 2;
    let mut plan = Plan::new();
    let stream = Stream {
        schema: Ok(schema(&columns)),
        batches: vec![Ok(array)],
    };
    plan.add(stream).unwrap();
    assert_eq!(plan.rows(), rows_of(CONFIGURED, &["3", "4"]));
}

#[test]
fn other_columns_are_ignored() {
    let mut floats = Column::integers("l", &[Some(1), Some(2)]).named("price");
    floats.schema.format = "g".to_owned();
    let mut nested = Column::nulls(2).named("nested");
    nested.schema.format = "+l".to_owned();
    let mut plan = Plan::new();
    let ids = scope_ids(&["1", "2"]);
    plan.add_columns(&[floats, ids, nested, devices(2)])
        .unwrap();
    assert_eq!(plan.rows(), rows_of(CONFIGURED, &["1", "2"]));
}

#[test]
fn columns_whose_names_are_spelt_otherwise_are_refused() {
    let column = |name| Column::texts("u", &[Some("1")]).named(name);
    for (name, meant) in [
        ("userId", "user_id"),
        ("USER ID", "user_id"),
        ("Tried", "tried"),
        ("deviceid", "device_id"),
    ] {
        let mut columns = vec![column("scope_id"), column(name)];
        if meant != "device_id" {
            columns.push(column("device_id"));
        }
        let error = Plan::new().add_columns(&columns).unwrap_err();
        let said = format!("stream: has a column \"{name}\", whose name must be \"{meant}\"");
        assert_eq!(error, said);
        columns.push(match meant {
            "tried" => Column::booleans(&[Some(true)]).named(meant),
            _ => column(meant),
        });
        Plan::new().add_columns(&columns).unwrap();
    }
}

#[test]
fn batches_follow_one_another_and_may_be_empty() {
    let first = [scope_ids(&["1", "2"]), devices(2)];
    let mut empty = [scope_ids(&[]), devices(0)];
    for column in &mut empty {
        column.array.buffers.fill(None);
    }
    let third = [scope_ids(&["3"]), devices(1)];
    let stream = Stream {
        schema: Ok(schema(&first)),
        batches: [&first, &empty, &third]
            .map(|columns| Ok(batch(columns)))
            .into(),
    };
    let mut plan = Plan::new();
    plan.add(stream.clone()).unwrap();
    assert_eq!(plan.rows(), rows_of(CONFIGURED, &["1", "2", "3"]));
    // To what there is already, they are added.
    plan.add(stream).unwrap();
    let twice = ["1", "2", "3", "1", "2", "3"];
    assert_eq!(plan.rows(), rows_of(CONFIGURED, &twice));
}

#[test]
fn a_table_without_rows_adds_nothing() {
    let columns = [scope_ids(&[]), devices(0)];
    let mut no_batch = stream(&columns);
    no_batch.batches.clear();
    let mut plan = Plan::new();
    plan.add(no_batch).unwrap();
    plan.add(stream(&columns)).unwrap();
    assert_eq!(plan.rows(), []);
}

#[test]
fn users_and_devices_may_change_from_row_to_row() {
    let users: Vec<_> = (0..300).map(|row| format!("u{}", row % 3)).collect();
    let devices: Vec<_> = (0..300).map(|row| format!("d{}", row % 2)).collect();
    let ids: Vec<_> = (0..300).map(|row| row.to_string()).collect();
    let column = |texts: &[String], name| {
        let texts: Vec<_> = texts.iter().map(|text| Some(text.as_str())).collect();
        Column::texts("u", &texts).named(name)
    };
    let mut plan = Plan::new();
    plan.add_columns(&[
        column(&users, "user_id"),
        column(&devices, "device_id"),
        column(&ids, "scope_id"),
    ])
    .unwrap();
    let rows = users.into_iter().zip(devices).zip(ids);
    let rows: Vec<_> = rows
        .map(|((user, device), id)| (user, device, id, false))
        .collect();
    assert_eq!(plan.rows(), rows);
}

/// It would take minutes if each change of the user looked through the device's rows again.
#[test]
fn a_device_may_have_many_users() {
    let count = 50_000;
    let numbers: Vec<_> = (0..count).map(Some).collect();
    for (other, name) in [("device_id", "user_id"), ("user_id", "device_id")] {
        let mut plan = Plan::new();
        plan.add_columns(&[
            Column::texts("u", &vec![Some("the same"); count as usize]).named(other),
            Column::integers("l", &numbers).named(name),
            Column::integers("l", &numbers).named("scope_id"),
        ])
        .unwrap();
        // SAFETY: a live plan.
        let added = unsafe { koodrive_plan_scope_count(plan.0) };
        assert_eq!(added, count as usize);
    }
}

#[test]
fn a_null_count_may_be_unknown() {
    let mut users = Column::texts("u", &[None, Some("a")]).named("user_id");
    users.array.null_count = -1;
    let mut ids = scope_ids(&["1", "2"]);
    ids.array.null_count = -1;
    let mut plan = Plan::new();
    plan.add_columns(&[users, ids, devices(2)]).unwrap();
    let found: Vec<_> = plan.rows().into_iter().map(|row| row.0).collect();
    assert_eq!(found, [CONFIGURED, "a"]);
}

#[test]
fn a_stream_that_fails_says_why() {
    let columns = [scope_ids(&["1"]), devices(1)];
    let failure = |words: Option<&str>| Failure {
        errno: 5,
        words: words.map(str::to_owned),
    };
    let mut plan = Plan::new();
    let mut late = stream(&columns);
    late.batches.push(Err(failure(Some("the disk is gone"))));
    let why = plan.add(late).unwrap_err();
    assert_eq!(why, "stream: the disk is gone");
    let early = Stream {
        schema: Err(failure(None)),
        batches: Vec::new(),
    };
    let why = plan.add(early).unwrap_err();
    assert_eq!(why, "stream: failed with errno 5");
}
