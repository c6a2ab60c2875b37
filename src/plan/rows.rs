//! A plan of a table's rows.

use super::contents::Contents;
use super::ids::{Complaints, broken_rule, check_device_id, shown};
use super::{Plan, check_user_id};
use crate::error::Error;

/// A table's rows, checked as they come. They become a plan together, or not at all.
#[derive(Default)]
pub(crate) struct Rows {
    contents: Contents,
    complaints: Complaints,
    count: usize,
}

impl Rows {
    /// How many there are by now: the number of the next one.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Makes room for rows of one owner, whose ids have so many bytes.
    pub(crate) fn reserve(&mut self, count: usize, id_bytes: usize) {
        const OWNER: usize = 1024;
        self.contents.ids.reserve(count);
        self.contents.text.reserve(id_bytes + count + OWNER);
    }

    /// Says whose the rows are that come next; without a user the config's.
    pub(crate) fn set_owner(&mut self, user: Option<&str>, device: Option<&str>) {
        let checked = match (user, device) {
            (_, None) => Err("device_id is null".to_owned()),
            (user, Some(device)) => user
                .map_or(Ok(()), check_user_id)
                .and_then(|()| check_device_id(device))
                .map_err(|error| error.message),
        };
        match (checked, device) {
            (Ok(()), Some(device)) => self.contents.open_section(user, device),
            (Err(complaint), _) => self.complain(complaint),
            _ => {}
        }
    }

    /// Adds a row. One that breaks a rule is refused at the end, with all others.
    pub(crate) fn push(&mut self, scope_id: Option<&str>) {
        match scope_id.map(|id| (id, broken_rule(id))) {
            Some((id, None)) if self.complaints.is_empty() => self.contents.push_id(id),
            Some((_, None)) => {}
            Some((id, Some(broken_rule))) => {
                self.complain(format!("scope_id {} {broken_rule}", shown(id)));
            }
            None => self.complain("scope_id is null".to_owned()),
        }
        self.count += 1;
    }

    /// Says of a row that an earlier run may have deleted it.
    pub(crate) fn mark_tried(&mut self, row: usize) {
        // After a complaint rows are missing, and there will be no plan.
        if let Some(id) = self.contents.ids.get_mut(row) {
            id.mark_tried();
        }
    }

    /// The rows as a plan; or what is wrong with some of them.
    pub(crate) fn into_plan(self) -> Result<Plan, Error> {
        match self.complaints.is_empty() {
            true => Ok(Plan(self.contents.into())),
            false => Err(self.complaints.into_error()),
        }
    }

    #[cold]
    fn complain(&mut self, complaint: String) {
        let row = self.count;
        self.complaints.add(|| format!("row {row}: {complaint}"));
    }
}
