//! A table: its columns, found by their names, and its rows.

use super::abi::{ArrowArray, ArrowSchema};
use super::column::{Bits, Digits, Ids, is_null};
use super::layout::IdLayout;
use super::memory::{self, Rows};
use super::schema;
use super::stream::Stream;
use crate::error::Error;
use crate::plan::{self, Plan};

const TRIED: &str = "tried";

/// All rows of a stream as a plan.
///
/// # Safety
/// The stream's producer keeps to the specification.
pub(in crate::ffi) unsafe fn read(mut stream: Stream) -> Result<Plan, Error> {
    let schema = stream.schema()?;
    // SAFETY: the caller's promise; the schema is not released before the end.
    let columns = unsafe { Columns::find(&schema) }.map_err(Error::invalid)?;
    let mut rows = plan::Rows::default();
    while let Some(array) = stream.next()? {
        // SAFETY: the caller's promise; the array is not released before the next one comes.
        let batch = unsafe { Batch::new(&columns, &array) };
        batch
            .and_then(|mut batch| batch.add_to(&mut rows))
            .map_err(Error::invalid)?;
    }
    rows.into_plan()
}

/// The columns that count, by where they stand among all.
struct Columns {
    count: usize,
    scope_id: IdColumn,
    device_id: IdColumn,
    user_id: Option<IdColumn>,
    tried: Option<usize>,
}

struct IdColumn {
    name: &'static str,
    index: usize,
    layout: IdLayout,
}

impl Columns {
    /// # Safety
    /// The schema is not released, and its producer filled it as the specification says.
    unsafe fn find(schema: &ArrowSchema) -> Result<Self, String> {
        // SAFETY: the caller's promise.
        unsafe {
            if !schema::is_table(schema) {
                return Err("stream: holds no table".to_owned());
            }
            let all = memory::children(schema.children, schema.n_children);
            let all = all.map_err(|why| format!("stream: its schema {why}"))?;
            let id = |name| IdColumn::find(name, &all);
            let required = |name| id(name)?.ok_or(format!("stream: has no column \"{name}\""));
            let tried = find(TRIED, &all)?;
            if let Some(index) = tried {
                schema::check_is_flags(all[index]).map_err(|why| in_column(TRIED, why))?;
            }
            Ok(Self {
                count: all.len(),
                scope_id: required("scope_id")?,
                device_id: required("device_id")?,
                user_id: id("user_id")?,
                tried,
            })
        }
    }
}

impl IdColumn {
    /// # Safety
    /// As for `Columns::find`.
    unsafe fn find(name: &'static str, all: &[&ArrowSchema]) -> Result<Option<Self>, String> {
        // SAFETY: the caller's promise.
        let Some(index) = unsafe { find(name, all) }? else {
            return Ok(None);
        };
        // SAFETY: the caller's promise.
        let layout = unsafe { schema::id_layout(all[index]) };
        Ok(Some(Self {
            name,
            index,
            layout: layout.map_err(|why| in_column(name, why))?,
        }))
    }
}

/// Where the column of this name stands, if there is one.
///
/// # Safety
/// As for `Columns::find`.
unsafe fn find(name: &str, all: &[&ArrowSchema]) -> Result<Option<usize>, String> {
    // SAFETY: the caller's promise.
    let is_named = |column: &&ArrowSchema| unsafe { schema::name(column) } == name.as_bytes();
    let first = all.iter().position(is_named);
    if first != all.iter().rposition(is_named) {
        return Err(format!("stream: has two columns \"{name}\""));
    }
    if first.is_none() {
        // SAFETY: the caller's promise.
        unsafe { check_misspelt(name, all) }?;
    }
    Ok(first)
}

/// Refuses a column such as "userId" where "user_id" is missing: without it the ids would be somebody else's.
///
/// # Safety
/// As for `Columns::find`.
unsafe fn check_misspelt(name: &str, all: &[&ArrowSchema]) -> Result<(), String> {
    // SAFETY: the caller's promise.
    let mut names = all.iter().map(|column| unsafe { schema::name(column) });
    match names.find(|found| letters(found).eq(letters(name.as_bytes()))) {
        Some(found) => {
            let found = plan::shown(&String::from_utf8_lossy(found));
            Err(format!(
                "stream: has a column {found}, whose name must be \"{name}\""
            ))
        }
        None => Ok(()),
    }
}

/// What is left of a name without upper case and what may part its words.
fn letters(name: &[u8]) -> impl Iterator<Item = u8> {
    let letters = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
    letters.map(u8::to_ascii_lowercase)
}

fn in_column(name: &str, why: String) -> String {
    format!("{name}: {why}")
}

/// Some of a table's rows.
struct Batch<'a> {
    length: usize,
    validity: Option<Bits<'a>>,
    scope_id: IdReader<'a>,
    device_id: IdReader<'a>,
    user_id: Option<IdReader<'a>>,
    tried: Option<Flags<'a>>,
}

impl<'a> Batch<'a> {
    /// # Safety
    /// The array is not released, and its producer filled it as the specification says for the columns.
    unsafe fn new(columns: &Columns, array: &'a ArrowArray) -> Result<Self, String> {
        let broken = |why| format!("stream: a batch {why}");
        let rows = Rows::all(array).map_err(broken)?;
        // SAFETY: the caller's promise.
        unsafe {
            let all = memory::children(array.children, array.n_children).map_err(broken)?;
            if all.len() != columns.count {
                return Err(broken(
                    "has another number of columns than its schema".to_owned(),
                ));
            }
            let ids = |column: &IdColumn| IdReader::new(column, all[column.index], rows);
            let flags = |index: usize| Flags::new(all[index], rows);
            Ok(Self {
                length: rows.length(),
                validity: memory::validity(array, rows).map_err(broken)?,
                scope_id: ids(&columns.scope_id)?,
                device_id: ids(&columns.device_id)?,
                user_id: columns.user_id.as_ref().map(ids).transpose()?,
                tried: columns.tried.map(flags).transpose()?,
            })
        }
    }

    fn add_to(&mut self, rows: &mut plan::Rows) -> Result<(), String> {
        let first = rows.count();
        let in_row = |row: usize, why: String| format!("row {}: {why}", first + row);
        // A column of nulls has no memory that would bound its length.
        if self.length > 0 && self.scope_id.ids.are_null() {
            return Err(in_row(0, "scope_id is null".to_owned()));
        }
        if let Some(row) = (0..self.length).find(|row| is_null(self.validity.as_ref(), *row)) {
            return Err(in_row(row, "is null".to_owned()));
        }
        rows.reserve(self.length, self.scope_id.ids.size());
        self.scope_id.ids.check_texts();
        let mut row = 0;
        while row < self.length {
            let run = self.add_run(row, rows);
            row = run.map_err(|why| in_row(rows.count() - first, why))?;
        }
        match &self.tried {
            Some(tried) => tried
                .mark(first, rows)
                .map_err(|row| in_row(row, "tried is null".to_owned())),
            None => Ok(()),
        }
    }

    /// Adds the rows from one on that have the same user and device; the row after them.
    fn add_run(&mut self, start: usize, rows: &mut plan::Rows) -> Result<usize, String> {
        let mut end = self.device_id.run_end(start, self.length);
        let mut user = None;
        if let Some(user_id) = &mut self.user_id {
            end = end.min(user_id.run_end(start, self.length));
            user = user_id.get(start)?;
        }
        rows.set_owner(user, self.device_id.get(start)?);
        for row in start..end {
            rows.push(self.scope_id.get(row)?);
        }
        Ok(end)
    }
}

/// Reads a column of ids, one after the other.
struct IdReader<'a> {
    name: &'static str,
    ids: Ids<'a>,
    digits: Digits,
    /// All rows before this one, from the last that was looked at on, have the same id.
    run_end: usize,
}

impl<'a> IdReader<'a> {
    /// # Safety
    /// As for `Batch::new`.
    unsafe fn new(column: &IdColumn, array: &'a ArrowArray, rows: Rows) -> Result<Self, String> {
        let name = column.name;
        // SAFETY: the caller's promise.
        let ids = rows
            .of(array)
            .and_then(|rows| unsafe { memory::ids(column.layout, array, rows) });
        Ok(Self {
            name,
            ids: ids.map_err(|why| in_column(name, why))?,
            digits: Digits::new(),
            run_end: 0,
        })
    }

    /// The row after those from this one on that surely have the same id. Each row is compared once, however
    /// often the other column's runs end.
    fn run_end(&mut self, row: usize, length: usize) -> usize {
        if row >= self.run_end {
            self.run_end = row + self.ids.run(row, length);
        }
        self.run_end
    }

    fn get(&mut self, row: usize) -> Result<Option<&str>, String> {
        let id = self.ids.get(row, &mut self.digits);
        id.map_err(|why| format!("{} {why}", self.name))
    }
}

/// Which rows were tried before.
struct Flags<'a> {
    length: usize,
    bits: Bits<'a>,
    validity: Option<Bits<'a>>,
}

impl<'a> Flags<'a> {
    /// # Safety
    /// As for `Batch::new`.
    unsafe fn new(array: &'a ArrowArray, rows: Rows) -> Result<Self, String> {
        // SAFETY: the caller's promise.
        let flags = rows.of(array).and_then(|rows| unsafe {
            Ok(Self {
                length: rows.length(),
                bits: memory::flags(array, rows)?,
                validity: memory::validity(array, rows)?,
            })
        });
        flags.map_err(|why| in_column(TRIED, why))
    }

    /// Marks the rows that were tried, the first of which has this number; or which row is null.
    fn mark(&self, first: usize, rows: &mut plan::Rows) -> Result<(), usize> {
        for row in 0..self.length {
            if is_null(self.validity.as_ref(), row) {
                return Err(row);
            }
            if self.bits.get(row) {
                rows.mark_tried(first + row);
            }
        }
        Ok(())
    }
}
