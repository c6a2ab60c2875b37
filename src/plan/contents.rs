//! How a plan keeps its ids.

use std::ffi::CStr;
use std::ops::Range;

use super::ids::{self, Complaints};
use crate::error::Error;

/// All texts stand in one buffer, each closed by a NUL, so that C can read them in place.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) text: String,
    pub(super) ids: Vec<IdPlace>,
    pub(super) sections: Vec<SectionPlace>,
}

/// Where an id stands in `text`: its start, and in the low byte its length, which is at most 128. The top
/// bit says whether it was tried before.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdPlace(u64);

impl IdPlace {
    const TRIED: u64 = 1 << 63;

    pub(super) fn new(start: usize, length: usize) -> Self {
        Self((start as u64) << 8 | length as u64)
    }

    pub(super) fn range(self) -> Range<usize> {
        let start = ((self.0 & !Self::TRIED) >> 8) as usize;
        start..start + (self.0 & 0xff) as usize
    }

    /// Where it stands if its text does so many bytes further on.
    fn moved_by(self, bytes: usize) -> Self {
        Self(self.0 + ((bytes as u64) << 8))
    }

    pub(super) fn mark_tried(&mut self) {
        self.0 |= Self::TRIED;
    }

    pub(super) fn is_tried(self) -> bool {
        self.0 & Self::TRIED != 0
    }
}

/// Where a section stands.
#[derive(Clone, Debug)]
pub(super) struct SectionPlace {
    /// Where the user id begins in `text`; none: the config's.
    pub(super) user: Option<usize>,
    pub(super) device: usize,
    /// The position of its first id.
    pub(super) first: usize,
}

/// What ids will take, each text with its NUL.
pub(super) struct Room {
    pub(super) ids: usize,
    pub(super) bytes: usize,
}

impl Contents {
    /// Adds checked ids; or none, and then no memory is kept for them.
    pub(super) fn append<'a>(
        &mut self,
        user: Option<&str>,
        device: &str,
        scope_ids: impl Iterator<Item = &'a str>,
        room: Room,
    ) -> Result<(), Error> {
        let (text, ids) = (self.text.len(), self.ids.len());
        let (text_capacity, ids_capacity) = (self.text.capacity(), self.ids.capacity());
        let sections = self.sections.len();
        self.open_section(user, device);
        self.text.reserve(room.bytes);
        self.ids.reserve(room.ids);
        let complaints = self.push_ids(scope_ids);
        if complaints.is_empty() {
            return Ok(());
        }
        self.sections.truncate(sections);
        self.ids.truncate(ids);
        self.ids.shrink_to(ids_capacity);
        self.text.truncate(text);
        self.text.shrink_to(text_capacity);
        Err(complaints.into_error())
    }

    /// Checks ids and adds them to the last section, up to the first bad one.
    pub(super) fn push_ids<'a>(&mut self, scope_ids: impl Iterator<Item = &'a str>) -> Complaints {
        let mut complaints = Complaints::default();
        for (index, id) in scope_ids.enumerate() {
            if let Some(broken_rule) = ids::broken_rule(id) {
                complaints.add(|| format!("scope_ids[{index}] {} {broken_rule}", ids::shown(id)));
            } else if complaints.is_empty() {
                self.push_id(id);
            }
        }
        complaints
    }

    /// Adds a checked id to the last section.
    #[inline]
    pub(super) fn push_id(&mut self, id: &str) {
        let start = self.push_text(id);
        self.ids.push(IdPlace::new(start, id.len()));
    }

    pub(super) fn truncate(&mut self, count: usize) {
        self.ids.truncate(count);
        self.sections.retain(|section| section.first < count);
        // The texts of a section stand before its first id, so the last id ends all that is kept.
        let end = self.ids.last().map_or(0, |id| id.range().end + 1);
        self.text.truncate(end);
    }

    #[inline]
    pub(super) fn push_text(&mut self, text: &str) -> usize {
        let start = self.text.len();
        self.text.push_str(text);
        self.text.push('\0');
        start
    }

    #[inline]
    pub(super) fn id(&self, position: u32) -> &str {
        &self.text[self.ids[position as usize].range()]
    }

    pub(super) fn text_at(&self, start: usize) -> &str {
        let rest = &self.text[start..];
        rest.split_once('\0').map_or(rest, |(text, _)| text)
    }

    pub(super) fn c_text_at(&self, start: usize) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.text.as_bytes()[start..]).ok()
    }

    pub(super) fn user(&self, section: &SectionPlace) -> Option<&str> {
        section.user.map(|start| self.text_at(start))
    }

    /// Starts a section unless the last one is of the same user and device.
    pub(super) fn open_section(&mut self, user: Option<&str>, device: &str) {
        if let Some(last) = self.sections.last()
            && self.user(last) == user
            && self.text_at(last.device) == device
        {
            return;
        }
        let section = SectionPlace {
            user: user.map(|user| self.push_text(user)),
            device: self.push_text(device),
            first: self.ids.len(),
        };
        self.sections.push(section);
    }

    /// Adds all that another holds.
    pub(super) fn extend(&mut self, other: &Self) {
        let (text, ids) = (self.text.len(), self.ids.len());
        self.text.push_str(&other.text);
        self.ids
            .extend(other.ids.iter().map(|id| id.moved_by(text)));
        let moved = |section: &SectionPlace| SectionPlace {
            user: section.user.map(|start| start + text),
            device: section.device + text,
            first: section.first + ids,
        };
        self.sections.extend(other.sections.iter().map(moved));
    }

    pub(super) fn section_range(&self, index: usize) -> Range<usize> {
        let next = self.sections.get(index + 1);
        self.sections[index].first..next.map_or(self.ids.len(), |section| section.first)
    }

    pub(super) fn section_of(&self, position: usize) -> Option<&SectionPlace> {
        if position >= self.ids.len() {
            return None;
        }
        let after = self
            .sections
            .partition_point(|section| section.first <= position);
        self.sections.get(after - 1)
    }
}
