//! Outcomes as columns.

use std::ffi::CStr;
use std::ops::Range;

use crate::report::{Outcome, Report};

/// More rows than this no batch has.
const MOST_ROWS: usize = 1_000_000;

/// The columns' names, and whether they have nulls.
pub(super) const COLUMNS: [(&CStr, bool); 6] = [
    (c"user_id", false),
    (c"device_id", false),
    (c"scope_id", false),
    (c"outcome", false),
    (c"service_code", true),
    (c"message", true),
];

/// How many rows of a report a batch may have: offsets of 32 bits have to reach to the end of every column.
pub(super) fn rows_per_batch(report: &Report) -> usize {
    MOST_ROWS.min(i32::MAX as usize / report.longest_text().max(1))
}

/// What `COLUMNS` say of some rows of a report.
pub(super) fn columns(report: &Report, rows: Range<usize>) -> [TextColumn; COLUMNS.len()] {
    let mut columns = COLUMNS.map(|_| TextColumn::with_room_for(rows.len()));
    let [users, devices, ids, outcomes, codes, messages] = &mut columns;
    for (user, device, positions) in report.owners(rows.clone()) {
        users.push_times(user.as_bytes(), positions.len());
        devices.push_times(device.as_bytes(), positions.len());
        for row in positions {
            ids.push(report.id(row).as_bytes());
        }
    }
    for row in rows {
        outcomes.push_optional(report.outcome(row).map(Outcome::c_name));
        codes.push_optional(report.service_code(row));
        messages.push_optional(report.message(row));
    }
    columns
}

/// A column of texts, with offsets of 32 bits.
pub(super) struct TextColumn {
    /// Where each text begins in `data`, and where the last one ends.
    pub(super) offsets: Vec<i32>,
    pub(super) data: Vec<u8>,
    /// A bit a row, which is 0 where it is null.
    pub(super) validity: Vec<u8>,
    pub(super) null_count: usize,
}

impl TextColumn {
    fn with_room_for(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self {
            offsets,
            // There is memory also for no text: consumers may not expect that it dangles.
            data: Vec::with_capacity(1),
            validity: vec![u8::MAX; rows.div_ceil(8)],
            null_count: 0,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    fn push(&mut self, text: &[u8]) {
        self.data.extend_from_slice(text);
        self.end_row();
    }

    fn push_times(&mut self, text: &[u8], times: usize) {
        self.data.reserve(times * text.len());
        for _ in 0..times {
            self.push(text);
        }
    }

    #[inline(never)]
    fn push_optional(&mut self, text: Option<&CStr>) {
        if let Some(text) = text {
            return self.push(text.to_bytes());
        }
        let row = self.rows();
        self.validity[row / 8] &= !(1 << (row % 8));
        self.null_count += 1;
        self.end_row();
    }

    /// `rows_per_batch` sees to it that the data are not too long.
    fn end_row(&mut self) {
        self.offsets.push(self.data.len() as i32);
    }
}
