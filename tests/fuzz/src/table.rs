//! A table in any layout, of good ids and bad ones, maybe of memory that contradicts itself: what goes into a plan comes
//! out of its report, or the table is refused and says why.

use std::collections::HashMap;
use std::ffi::CString;
use std::ptr;

use arbitrary::Arbitrary;
use koodrive::ffi::plan::koodrive_plan_add;
use koodrive::ffi::result::koodrive_result_free;

use crate::consumer;
use crate::layouts::Column;
use crate::plan::{self, Plan, batch, call, schema};
use crate::producer::{Array, Schema, Stream};

#[derive(Arbitrary, Debug)]
pub enum Cell<'a> {
    Null,
    Good(u8),
    Long(u8),
    Raw(&'a str),
}

impl Cell<'_> {
    fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Good(which) => Some((which % 4).to_string()),
            Self::Long(which) => Some(format!("18428467155273665{:02}", which % 4)),
            Self::Raw(text) => Some((*text).to_owned()),
        }
    }
}

#[derive(Arbitrary, Debug, Clone, Copy)]
pub enum Layout {
    Utf8,
    LargeUtf8,
    View,
    Integers(u8),
    Dictionary(u8),
    LargeDictionary(u8),
    DictionaryOfViews(u8),
}

const INTEGERS: [&str; 8] = ["c", "C", "s", "S", "i", "I", "l", "L"];

#[derive(Arbitrary, Debug)]
pub struct Row<'a> {
    user: Cell<'a>,
    device: Cell<'a>,
    id: Cell<'a>,
    is_tried: bool,
}

#[derive(Arbitrary, Debug)]
pub struct Table<'a> {
    layouts: [Layout; 3],
    has_users: bool,
    has_tried: bool,
    /// How many rows of each batch, and of its columns, stand before those that count.
    hidden: (u8, u8),
    batches: Vec<Vec<Row<'a>>>,
    broken: Vec<Break>,
}

/// Something that a producer does wrong.
#[derive(Arbitrary, Debug)]
pub struct Break {
    batch: u8,
    /// 0: the table itself.
    column: u8,
    in_dictionary: bool,
    what: What,
}

#[derive(Arbitrary, Debug)]
pub enum What {
    Length(i64),
    Offset(i64),
    NullCount(i8),
    BufferCount(i8),
    ChildCount(i8),
    NoBuffer(u8),
    NoDictionary,
    NoChild(u8),
    Bytes(u8, u8, [u8; 4]),
    Format(u8),
}

/// What a column's cells say once they are in its layout.
fn column(layout: Layout, cells: &[Option<String>]) -> (Column, Vec<Option<String>>) {
    let texts: Vec<_> = cells.iter().map(Option::as_deref).collect();
    let dictionary = |format: u8, entries: fn(&[Option<&str>]) -> Column| {
        let count = texts.len().min(128);
        let indices = (0..texts.len()).map(|row| texts[row].map(|_| (row % count) as i128));
        let indices: Vec<_> = indices.collect();
        let said = indices
            .iter()
            .map(|index| cells[index.as_ref().map(|index| *index as usize)?].clone());
        (
            Column::dictionary(
                INTEGERS[format as usize % 8],
                &indices,
                entries(&texts[..count]),
            ),
            said.collect(),
        )
    };
    match layout {
        Layout::Utf8 => (Column::texts("u", &texts), cells.to_vec()),
        Layout::LargeUtf8 => (Column::texts("U", &texts), cells.to_vec()),
        Layout::View => (Column::views(&texts), cells.to_vec()),
        Layout::Integers(format) => integers(INTEGERS[format as usize % 8], cells),
        Layout::Dictionary(format) => dictionary(format, |texts| Column::texts("u", texts)),
        Layout::LargeDictionary(format) => dictionary(format, |texts| Column::texts("U", texts)),
        Layout::DictionaryOfViews(format) => dictionary(format, Column::views),
    }
}

fn integers(format: &str, cells: &[Option<String>]) -> (Column, Vec<Option<String>>) {
    let cut = |number: i128| match format {
        "c" => (number as i8).into(),
        "C" => (number as u8).into(),
        "s" => (number as i16).into(),
        "S" => (number as u16).into(),
        "i" => (number as i32).into(),
        "I" => (number as u32).into(),
        "l" => (number as i64).into(),
        _ => (number as u64).into(),
    };
    let number = |text: &String| cut(text.parse().unwrap_or(-(text.len() as i128)));
    let numbers: Vec<Option<i128>> = cells.iter().map(|cell| cell.as_ref().map(number)).collect();
    let said = numbers
        .iter()
        .map(|number| number.map(|number| number.to_string()));
    let said = said.collect();
    (Column::integers(format, &numbers), said)
}

/// A row as a plan has to hold it.
type Expected = (Option<String>, Option<String>, Option<String>, bool);

impl Table<'_> {
    /// The columns of some rows, and what they say.
    fn columns(&self, rows: &[Row]) -> (Vec<Column>, Vec<Expected>) {
        let (outer, inner) = (self.hidden.0 as usize % 3, self.hidden.1 as usize % 9);
        let make = |name, layout, cell: fn(&Row) -> Option<String>| {
            let mut cells = vec![None; outer + inner];
            cells.extend(rows.iter().map(cell));
            let (column, said) = column(layout, &cells);
            (
                column.named(name).skip(inner as i64),
                said[outer + inner..].to_vec(),
            )
        };
        let [user, device, id] = self.layouts;
        let (ids, said_ids) = make("scope_id", id, |row| row.id.text());
        let (devices, said_devices) = make("device_id", device, |row| row.device.text());
        let (users, mut said_users) = make("user_id", user, |row| row.user.text());
        let mut columns = vec![ids, devices];
        match self.has_users {
            true => columns.push(users),
            false => said_users.fill(None),
        }
        if self.has_tried {
            let mut flags = vec![Some(false); outer + inner];
            flags.extend(rows.iter().map(|row| Some(row.is_tried)));
            columns.push(Column::booleans(&flags).named("tried").skip(inner as i64));
        }
        let said = said_users
            .into_iter()
            .zip(said_devices)
            .zip(said_ids)
            .zip(rows);
        let expected = said
            .map(|(((user, device), id), row)| (user, device, id, self.has_tried && row.is_tried));
        (columns, expected.collect())
    }

    fn stream(&self) -> (Stream, Vec<Expected>) {
        let (columns, _) = self.columns(&[]);
        let mut schema = schema(&columns);
        let mut expected = Vec::new();
        let mut batches = Vec::new();
        for rows in &self.batches {
            let (columns, said) = self.columns(rows);
            let mut array = batch(&columns);
            array.offset = i64::from(self.hidden.0 % 3);
            array.length = rows.len() as i64;
            batches.push(array);
            expected.extend(said);
        }
        for broken in &self.broken {
            broken.apply(&mut schema, &mut batches);
        }
        for array in &mut batches {
            make_safe(&schema, array);
        }
        let stream = Stream {
            schema: Ok(schema),
            batches: batches.into_iter().map(Ok).collect(),
        };
        (stream, expected)
    }
}

impl Break {
    fn apply(&self, schema: &mut Schema, batches: &mut [Array]) {
        if batches.is_empty() {
            return;
        }
        let index = self.batch as usize % batches.len();
        let (mut schema, mut array) = (schema, &mut batches[index]);
        if self.column > 0 {
            let column = (self.column as usize - 1) % schema.children.len();
            let Some(child) = array.children.get_mut(column).and_then(Option::as_mut) else {
                return;
            };
            (schema, array) = (&mut schema.children[column], child);
        }
        match (&mut schema.dictionary, &mut array.dictionary) {
            (Some(entries), Some(values)) if self.in_dictionary => self.what.apply(entries, values),
            _ => self.what.apply(schema, array),
        }
    }
}

impl What {
    fn apply(&self, schema: &mut Schema, array: &mut Array) {
        const FORMATS: [&str; 12] = ["n", "b", "c", "S", "i", "L", "g", "u", "U", "vu", "z", "+s"];
        match *self {
            Self::Length(length) => array.length = length,
            Self::Offset(offset) => array.offset = offset,
            Self::NullCount(count) => array.null_count = count.into(),
            Self::BufferCount(count) => {
                array.n_buffers = Some(i64::from(count).min(array.buffers.len() as i64));
            }
            Self::ChildCount(count) => {
                array.n_children = Some(i64::from(count).min(array.children.len() as i64));
            }
            Self::NoBuffer(index) => {
                if let Some(buffer) = array.buffers.get_mut(index as usize) {
                    *buffer = None;
                }
            }
            Self::NoDictionary => array.dictionary = None,
            Self::NoChild(index) => {
                if let Some(child) = array.children.get_mut(index as usize) {
                    *child = None;
                }
            }
            Self::Bytes(buffer, at, new) => {
                let buffer = array.buffers.get_mut(buffer as usize);
                for (place, byte) in buffer
                    .and_then(Option::as_mut)
                    .and_then(|bytes| bytes.get_mut(at as usize..))
                    .into_iter()
                    .flatten()
                    .zip(new)
                {
                    *place = byte;
                }
            }
            Self::Format(which) => schema.format = FORMATS[which as usize % 12].to_owned(),
        }
    }
}

/// Gives an array the memory that it says it has, of which the interface does not tell whether it is there.
fn make_safe(schema: &Schema, array: &mut Array) {
    const MOST: i64 = 1 << 12;
    if array.offset > 0 && array.offset.checked_add(array.length).is_some() {
        array.offset %= MOST;
    }
    if array.length > 0 && array.offset.checked_add(array.length).is_some() {
        array.length %= MOST;
    }
    for (schema, child) in schema.children.iter().zip(&mut array.children) {
        if let Some(child) = child {
            make_safe(schema, child);
        }
    }
    if let (Some(schema), Some(array)) = (&schema.dictionary, &mut array.dictionary) {
        make_safe(schema, array);
    }
    // What makes no sense is refused before memory is looked at.
    let rows = array.offset.checked_add(array.length).unwrap_or(0).max(0) as usize;
    let mut need = |index: usize, bytes: usize| {
        if let Some(Some(buffer)) = array.buffers.get_mut(index) {
            buffer.resize(buffer.len().max(bytes), 0);
        }
    };
    need(0, rows.div_ceil(8));
    match schema.format.as_str() {
        "b" => need(1, rows.div_ceil(8)),
        "u" => need(1, 4 * (rows + 1)),
        "vu" => need(1, 16 * rows),
        _ => need(1, 8 * (rows + 1)),
    }
    match schema.format.as_str() {
        "u" => make_text_safe::<4>(array, rows),
        "U" => make_text_safe::<8>(array, rows),
        "vu" => make_views_safe(array),
        _ => {}
    }
}

/// The data have to reach to where the last text ends.
fn make_text_safe<const WIDTH: usize>(array: &mut Array, rows: usize) {
    let [_, Some(offsets), data, ..] = &mut array.buffers[..] else {
        return;
    };
    let last = &mut offsets[WIDTH * rows..WIDTH * (rows + 1)];
    let mut end = [0; 8];
    end[..WIDTH].copy_from_slice(last);
    let is_negative = last[WIDTH - 1] & 0x80 != 0;
    let held = data.as_ref().map_or(0, Vec::len);
    if !is_negative && data.is_some() && u64::from_le_bytes(end) > held as u64 {
        last.copy_from_slice(&(held as u64).to_le_bytes()[..WIDTH]);
    }
}

/// The last buffer says how large those are that come before it.
fn make_views_safe(array: &mut Array) {
    let count = array.n_buffers.unwrap_or(array.buffers.len() as i64);
    let Ok(count @ 3..) = usize::try_from(count) else {
        return;
    };
    let (data, sizes) = array.buffers[2..count].split_at_mut(count - 3);
    let Some(sizes) = &mut sizes[0] else {
        return;
    };
    sizes.resize(sizes.len().max(8 * data.len()), 0);
    for (size, data) in sizes.chunks_exact_mut(8).zip(data) {
        let held = data.as_ref().map_or(0, Vec::len) as i64;
        let said = i64::from_ne_bytes(size.try_into().expect("8 bytes"));
        if data.is_some() && said > held {
            size.copy_from_slice(&held.to_ne_bytes());
        }
    }
}

/// Adds the table to a plan, which then holds its rows, or nothing more than before.
pub fn check(table: &Table) {
    let (stream, expected) = table.stream();
    let mut plan = Plan::new();
    // It checks that all is released, and that what fails adds nothing.
    let added = plan.add(stream);
    let rows = plan.rows();
    if table.broken.is_empty() {
        match (rows_of(&expected), &added) {
            (Some(expected), Ok(())) => assert_eq!(rows, expected),
            (None, Err(_)) => {}
            (expected, added) => panic!("{added:?}, expected was {expected:?}"),
        }
    }
    if added.is_ok() {
        check_outcomes(&plan, &rows);
    }
}

/// What a plan holds to which the rows were added one by one; none if it refuses one.
fn rows_of(rows: &[Expected]) -> Option<Vec<plan::Row>> {
    let plan = Plan::new();
    for (user, device, id, _) in rows {
        let text = |text: &str| CString::new(text).ok();
        let user = match user {
            Some(user) => Some(text(user)?),
            None => None,
        };
        let (device, id) = (text(device.as_ref()?)?, text(id.as_ref()?)?);
        let user = user.as_ref().map_or(ptr::null(), |user| user.as_ptr());
        let ids = [id.as_ptr()];
        // SAFETY: a live plan; texts that live through the call.
        let added = call(|error| unsafe {
            koodrive_plan_add(plan.0, user, device.as_ptr(), ids.as_ptr(), 1, error)
        });
        added.ok()?;
    }
    // What was tried shows where an id stands first, wherever the table says it.
    let mut added = plan.rows();
    let mut first = HashMap::new();
    for row in 0..added.len() {
        let (user, device, id, _) = added[row].clone();
        added[*first.entry((user, device, id)).or_insert(row)].3 |= rows[row].3;
    }
    Some(added)
}

/// What comes out is what is in the plan, and goes in again as it is.
fn check_outcomes(plan: &Plan, rows: &[plan::Row]) {
    let result = plan.cancelled();
    let cells = consumer::rows(consumer::to_arrow(result));
    assert_eq!(cells.len(), rows.len());
    for ([user, device, id, outcome, ..], row) in cells.into_iter().zip(rows) {
        let expected = [&row.0, &row.1, &row.2].map(|text| Some(text.clone()));
        assert_eq!([user, device, id], expected);
        assert_eq!(outcome.as_deref() == Some("UNKNOWN"), row.3);
    }
    let mut again = Plan::new();
    let mut stream = consumer::to_arrow(result);
    // SAFETY: a live result, which the stream outlives.
    unsafe { koodrive_result_free(result) };
    again.add_stream(&mut stream).expect("ids that a plan held");
    let ids = |rows: &[plan::Row]| -> Vec<_> {
        rows.iter()
            .map(|row| [&row.0, &row.1, &row.2].map(String::clone))
            .collect()
    };
    assert_eq!(ids(&again.rows()), ids(rows));
}
