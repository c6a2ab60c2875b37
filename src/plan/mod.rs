//! What to delete: ids, each of a device of a user, in the order in which they were added.

mod contents;
mod ids;
mod rows;

use std::collections::HashMap;
use std::ffi::CStr;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::listing::Scopes;
use crate::rules::{MAX_IDS_PER_REQUEST, check_header_value};
use contents::{Contents, Room};
pub(crate) use ids::{MAX_SCOPE_ID_BYTES, broken_rule, check_device_id, shown};
pub(crate) use rows::Rows;

/// Positions are kept in 32 bits, which halves what a plan of millions costs.
const MAX_IDS_PER_PLAN: usize = u32::MAX as usize;

/// An immutable snapshot is shared with each result; adding to a plan that a result still
/// shares copies it first.
#[derive(Clone, Debug, Default)]
pub struct Plan(Arc<Contents>);

/// Ids that stand together and share a user and a device.
pub(crate) struct Section<'a> {
    /// None: the config's.
    pub(crate) user: Option<&'a str>,
    pub(crate) device: &'a str,
    pub(crate) positions: Range<usize>,
}

impl Plan {
    /// An empty plan.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds ids of one device. `user` none means the config's user id. An error adds nothing.
    pub fn add<'a>(
        &mut self,
        user: Option<&str>,
        device: &str,
        scope_ids: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), Error> {
        let room = Room {
            ids: scope_ids.clone().count(),
            bytes: scope_ids.clone().map(|id| id.len() + 1).sum(),
        };
        self.add_ids(user, device, scope_ids, room)
    }

    /// Adds ids that stand one a line in `text`; one more `\n` at the end is allowed. `count`, if
    /// given, must agree with the number of lines.
    pub fn add_lines(
        &mut self,
        user: Option<&str>,
        device: &str,
        text: &str,
        count: Option<usize>,
    ) -> Result<(), Error> {
        let body = text.strip_suffix('\n').unwrap_or(text);
        let room = Room {
            ids: match text.is_empty() {
                true => 0,
                false => memchr::memchr_iter(b'\n', body.as_bytes()).count() + 1,
            },
            bytes: body.len() + 1,
        };
        if let Some(expected) = count
            && room.ids != expected
        {
            return Err(Error::invalid(format!(
                "count: {expected} ids were announced, text holds {} lines",
                room.ids
            )));
        }
        self.add_ids(user, device, lines(body), room)
    }

    /// Adds all scopes of a list.
    pub fn add_scopes(&mut self, scopes: &Scopes) -> Result<(), Error> {
        self.add(Some(scopes.user_id()), scopes.device_id(), scopes.ids())
    }

    /// Adds all that another plan holds.
    pub(crate) fn append(&mut self, other: Self) -> Result<(), Error> {
        self.check_room_for(other.scope_count())?;
        match self.scope_count() {
            0 => *self = other,
            _ => Arc::make_mut(&mut self.0).extend(&other.0),
        }
        Ok(())
    }

    fn check_room_for(&self, count: usize) -> Result<(), Error> {
        match self.scope_count().checked_add(count) {
            Some(0..=MAX_IDS_PER_PLAN) => Ok(()),
            _ => Err(Error::invalid(format!(
                "scope_ids: a plan holds at most {MAX_IDS_PER_PLAN} ids"
            ))),
        }
    }

    fn add_ids<'a>(
        &mut self,
        user: Option<&str>,
        device: &str,
        scope_ids: impl Iterator<Item = &'a str>,
        room: Room,
    ) -> Result<(), Error> {
        if let Some(user) = user {
            check_user_id(user)?;
        }
        check_device_id(device)?;
        self.check_room_for(room.ids)?;
        if room.ids == 0 {
            return Ok(());
        }
        if let Some(contents) = Arc::get_mut(&mut self.0) {
            return contents.append(user, device, scope_ids, room);
        }
        let mut copy = Contents::clone(&self.0);
        copy.append(user, device, scope_ids, room)?;
        self.0 = Arc::new(copy);
        Ok(())
    }

    /// Drops what was added after the first `count` ids.
    pub fn truncate(&mut self, count: usize) {
        if count < self.scope_count() {
            Arc::make_mut(&mut self.0).truncate(count);
        }
    }

    /// All ids that the plan holds now may have been deleted by an earlier run whose report is lost.
    pub fn mark_tried(&mut self) {
        self.mark_tried_at(0..self.scope_count());
    }

    /// The ids at these positions may have been deleted by an earlier run.
    pub(crate) fn mark_tried_at(&mut self, positions: impl Iterator<Item = usize>) {
        let mut positions = positions.peekable();
        if positions.peek().is_some() {
            let ids = &mut Arc::make_mut(&mut self.0).ids;
            positions.for_each(|position| ids[position].mark_tried());
        }
    }

    /// Of each id whether an earlier run may have deleted it.
    pub(crate) fn tried(&self) -> impl Iterator<Item = bool> + '_ {
        self.0.ids.iter().map(|id| id.is_tried())
    }

    /// Whether an earlier run may have deleted the id at a position.
    pub(crate) fn is_tried(&self, position: usize) -> bool {
        self.0.ids.get(position).is_some_and(|id| id.is_tried())
    }

    /// How many ids were added, duplicates included.
    pub fn scope_count(&self) -> usize {
        self.0.ids.len()
    }

    /// How many requests the plan takes if no id is repeated and no request tried twice. Ids
    /// without a user count as a user's of their own.
    pub fn request_count(&self) -> usize {
        let mut sizes: HashMap<(Option<&str>, &str), usize> = HashMap::new();
        for section in self.sections() {
            *sizes.entry((section.user, section.device)).or_default() += section.positions.len();
        }
        let requests = |size: &usize| size.div_ceil(MAX_IDS_PER_REQUEST);
        sizes.values().map(requests).sum()
    }

    /// The ids by what they share, in the plan's order.
    pub(crate) fn sections(&self) -> impl Iterator<Item = Section<'_>> {
        (0..self.0.sections.len()).map(|index| self.section(index))
    }

    /// The same of some positions only.
    pub(crate) fn sections_of(&self, wanted: Range<usize>) -> impl Iterator<Item = Section<'_>> {
        let sections = &self.0.sections;
        let end = sections.partition_point(|section| section.first < wanted.end);
        let after = sections.partition_point(|section| section.first <= wanted.start);
        (after.saturating_sub(1)..end).map(move |index| {
            let section = self.section(index);
            let positions = section.positions;
            Section {
                positions: positions.start.max(wanted.start)..positions.end.min(wanted.end),
                ..section
            }
        })
    }

    fn section(&self, index: usize) -> Section<'_> {
        let section = &self.0.sections[index];
        Section {
            user: self.0.user(section),
            device: self.0.text_at(section.device),
            positions: self.0.section_range(index),
        }
    }

    /// The id at a position, which must be one of the plan's.
    #[inline]
    pub(crate) fn id(&self, position: u32) -> &str {
        self.0.id(position)
    }

    /// The ids of a section, or a part of it, each closed by a NUL.
    pub(crate) fn lines(&self, positions: Range<usize>) -> &str {
        let ids = &self.0.ids[positions];
        match (ids.first(), ids.last()) {
            (Some(first), Some(last)) => &self.0.text[first.range().start..=last.range().end],
            _ => "",
        }
    }

    /// The id at a position.
    pub(crate) fn scope_id(&self, position: usize) -> Option<&CStr> {
        let id = self.0.ids.get(position)?.range();
        let with_nul = self.0.text.as_bytes().get(id.start..=id.end)?;
        CStr::from_bytes_with_nul(with_nul).ok()
    }

    /// The device of the id at a position.
    pub(crate) fn device_id(&self, position: usize) -> Option<&CStr> {
        let section = self.0.section_of(position)?;
        self.0.c_text_at(section.device)
    }

    /// The user of the id at a position; of one that was added without, `default`.
    pub(crate) fn user_id<'a>(&'a self, position: usize, default: &'a CStr) -> Option<&'a CStr> {
        match self.0.section_of(position)?.user {
            Some(start) => self.0.c_text_at(start),
            None => Some(default),
        }
    }

    /// Whether some id was added without a user.
    pub(crate) fn needs_default_user(&self) -> bool {
        self.0.sections.iter().any(|section| section.user.is_none())
    }
}

/// The lines of a text. Not `str::split`, which takes several times longer where lines are as short
/// as ids.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    ends.scan(0, move |start, end| {
        let line = &text[*start..end];
        *start = end + 1;
        Some(line)
    })
}

/// A user id travels as a header value, which has its own rules.
pub(crate) fn check_user_id(user: &str) -> Result<(), Error> {
    check_header_value("user_id", user)
}
