//! What became of each id of a run, column by column.

mod notes;

use std::ffi::{CStr, CString};
use std::ops::Range;

use crate::error::Error;
use crate::plan::{MAX_SCOPE_ID_BYTES, Plan};
pub(crate) use notes::{Note, NoteId, c_string};
use notes::{NoteTable, StoredNote};

/// What is known of one id. The numbers are those of `KOODRIVE_OUTCOME_...` in the C interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Outcome {
    /// The service never got a whole request with it: neither this run nor one before touched it.
    NotSent = 0,
    /// The service said that this run deleted it.
    Deleted = 1,
    /// The service said that it does not exist, and no earlier try can have deleted it.
    NotFound = 2,
    /// It stands earlier in the plan.
    Duplicate = 3,
    /// The service refused it and did not delete it.
    Rejected = 4,
    /// It does not exist now, after a try that may have been carried out.
    Gone = 5,
    /// It was sent, now or by a run before, and no trustworthy response came: it may or may not be deleted.
    Unknown = 6,
}

impl Outcome {
    /// Every outcome, in the order of the numbers.
    pub const ALL: [Self; 7] = [
        Self::NotSent,
        Self::Deleted,
        Self::NotFound,
        Self::Duplicate,
        Self::Rejected,
        Self::Gone,
        Self::Unknown,
    ];

    /// Its name, as C reads it.
    pub(crate) fn c_name(self) -> &'static CStr {
        match self {
            Self::NotSent => c"NOT_SENT",
            Self::Deleted => c"DELETED",
            Self::NotFound => c"NOT_FOUND",
            Self::Duplicate => c"DUPLICATE",
            Self::Rejected => c"REJECTED",
            Self::Gone => c"GONE",
            Self::Unknown => c"UNKNOWN",
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or_default()
    }

    /// What it says of an id that somebody else may have sent before or at the same time.
    pub(crate) fn if_tried(self) -> Self {
        match self {
            Self::NotFound => Self::Gone,
            Self::NotSent | Self::Rejected => Self::Unknown,
            other => other,
        }
    }

    /// The outcome with this number.
    pub(crate) fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|known| *known as i32 == number)
    }

    /// Whether a next run has nothing to take up; `permanent`: it would be told the same.
    pub(crate) fn is_final(self, permanent: bool) -> bool {
        match self {
            Self::NotSent => false,
            // An id that the service refuses would spoil every further run, also where it may be gone.
            Self::Rejected | Self::Unknown => permanent,
            _ => true,
        }
    }

    /// What is known of an id before its run sends anything.
    pub(crate) fn before_run(is_tried: bool) -> Self {
        match is_tried {
            true => Self::Unknown,
            false => Self::NotSent,
        }
    }
}

/// The outcomes of ids that may still exist.
const FAILURES: [i32; 3] = [
    Outcome::NotSent as i32,
    Outcome::Rejected as i32,
    Outcome::Unknown as i32,
];

/// One outcome per id of the plan, in the plan's order. It holds all that it needs.
#[derive(Debug)]
pub struct Report {
    plan: Plan,
    /// Whose the ids without a user are.
    default_user: CString,
    outcomes: Vec<i32>,
    notes: Vec<NoteId>,
    note_table: NoteTable,
    pub(crate) request_count: usize,
}

impl Report {
    /// Nothing sent yet.
    pub(crate) fn new(plan: &Plan, default_user: &str) -> Self {
        let count = plan.scope_count();
        Self {
            plan: plan.clone(),
            default_user: c_string(default_user),
            outcomes: plan
                .tried()
                .map(|is_tried| Outcome::before_run(is_tried) as i32)
                .collect(),
            notes: vec![NoteId::NONE; count],
            note_table: NoteTable::default(),
            request_count: 0,
        }
    }

    pub(crate) fn record(&mut self, position: u32, outcome: Outcome, note: NoteId) {
        self.outcomes[position as usize] = outcome as i32;
        self.notes[position as usize] = note;
    }

    /// Says something of an id whose outcome stays what it was before the run.
    pub(crate) fn set_note(&mut self, position: u32, note: NoteId) {
        self.notes[position as usize] = note;
    }

    /// What a note says.
    pub(crate) fn note_text(&self, id: NoteId) -> Note<'_> {
        let stored = self.note_table.get(id);
        Note {
            permanent: stored.is_some_and(|note| note.permanent),
            code: stored.and_then(|note| utf8(note.code.as_deref())),
            message: stored.and_then(|note| utf8(note.message.as_deref())),
        }
    }

    pub(crate) fn intern(&mut self, note: Note<'_>) -> NoteId {
        self.note_table.intern(note)
    }

    /// The same note, where a next run would be told the same.
    pub(crate) fn permanent(&mut self, id: NoteId) -> NoteId {
        self.note_table.permanent(id)
    }

    /// How many ids the plan had.
    pub fn count(&self) -> usize {
        self.outcomes.len()
    }

    /// The outcomes' numbers, in the plan's order.
    pub fn outcomes(&self) -> &[i32] {
        &self.outcomes
    }

    /// The outcome of the id at a position.
    pub fn outcome(&self, position: usize) -> Option<Outcome> {
        let number = *self.outcomes.get(position)?;
        Outcome::ALL
            .into_iter()
            .find(|outcome| *outcome as i32 == number)
    }

    /// How many ids have the outcome.
    pub fn tally(&self, outcome: i32) -> usize {
        self.outcomes
            .iter()
            .filter(|other| **other == outcome)
            .count()
    }

    /// The first position from `from` on whose id may still exist.
    pub fn next_failure(&self, from: usize) -> Option<usize> {
        let may_exist = |number: &i32| FAILURES.contains(number);
        let found = self.outcomes.get(from..)?.iter().position(may_exist)?;
        Some(from + found)
    }

    /// The first position from `from` on whose id a next run should take up: not sent, or unknown or
    /// rejected for a reason that passes: no response, the authorization, the moment, or a run that ended
    /// before the last try.
    pub fn next_unfinished(&self, from: usize) -> Option<usize> {
        (from..self.count()).find(|position| self.is_unfinished(*position))
    }

    /// How many requests the run sent.
    pub fn request_count(&self) -> usize {
        self.request_count
    }

    /// The id at a position. Texts are C strings, for that is what they are read as; all are UTF-8.
    pub fn scope_id(&self, position: usize) -> Option<&CStr> {
        self.plan.scope_id(position)
    }

    /// The device of the id at a position.
    pub fn device_id(&self, position: usize) -> Option<&CStr> {
        self.plan.device_id(position)
    }

    /// The user of the id at a position, resolved.
    pub fn user_id(&self, position: usize) -> Option<&CStr> {
        self.plan.user_id(position, &self.default_user)
    }

    /// Whose the ids at some positions are: users, devices, and of which positions.
    pub(crate) fn owners(
        &self,
        positions: Range<usize>,
    ) -> impl Iterator<Item = (&str, &str, Range<usize>)> {
        let default_user = utf8(Some(&self.default_user)).unwrap_or_default();
        self.plan.sections_of(positions).map(move |section| {
            let user = section.user.unwrap_or(default_user);
            (user, section.device, section.positions)
        })
    }

    /// The id at a position, which must be one of the plan's.
    pub(crate) fn id(&self, position: usize) -> &str {
        self.plan.id(position as u32)
    }

    /// How many bytes the longest text has.
    pub(crate) fn longest_text(&self) -> usize {
        let owners = self.owners(0..self.count());
        let owners = owners.map(|(user, device, _)| user.len().max(device.len()));
        let longest = owners.max().unwrap_or(0).max(MAX_SCOPE_ID_BYTES);
        longest.max(self.note_table.longest_text())
    }

    /// The service's code for the id at a position.
    pub fn service_code(&self, position: usize) -> Option<&CStr> {
        self.note(position)?.code.as_deref()
    }

    /// Why the id at a position has its outcome: the service's words, or ours where it said nothing.
    pub fn message(&self, position: usize) -> Option<&CStr> {
        self.note(position)?.message.as_deref()
    }

    /// The ids that a next run should take up, as a plan that remembers which of them may be deleted.
    pub fn unfinished(&self) -> Result<Plan, Error> {
        let mut plan = Plan::new();
        let mut next = 0;
        while let Some(position) = self.next_unfinished(next) {
            next = position + 1;
            let user = utf8(self.user_id(position));
            let device = utf8(self.device_id(position)).unwrap_or_default();
            let id = utf8(self.scope_id(position)).unwrap_or_default();
            plan.add(user, device, std::iter::once(id))?;
            if self.outcome(position) == Some(Outcome::Unknown) {
                plan.mark_tried_at(std::iter::once(plan.scope_count() - 1));
            }
        }
        Ok(plan)
    }

    fn is_unfinished(&self, position: usize) -> bool {
        let permanent = self.note(position).is_some_and(|note| note.permanent);
        self.outcome(position)
            .is_some_and(|outcome| !outcome.is_final(permanent))
    }

    fn note(&self, position: usize) -> Option<&StoredNote> {
        self.note_table.get(*self.notes.get(position)?)
    }
}

fn utf8(text: Option<&CStr>) -> Option<&str> {
    text?.to_str().ok()
}
