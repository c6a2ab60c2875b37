//! What is said of ids: the service's codes and words, or ours.

use std::ffi::{CStr, CString};
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// What was said of an id: from the service, or in our words where it said nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note<'a> {
    /// Whether a next run would be told the same.
    pub(crate) permanent: bool,
    pub(crate) code: Option<&'a str>,
    pub(crate) message: Option<&'a str>,
}

/// A note's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoteId(u32);

impl NoteId {
    pub(crate) const NONE: Self = Self(0);
}

/// Each note once: of a million ids most share a few.
#[derive(Debug, Default)]
pub(super) struct NoteTable {
    notes: Vec<StoredNote>,
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

#[derive(Clone, Debug)]
pub(super) struct StoredNote {
    pub(super) permanent: bool,
    pub(super) code: Option<CString>,
    pub(super) message: Option<CString>,
}

/// What makes a note the same as another.
#[derive(PartialEq, Eq, Hash)]
struct NoteKey<'a> {
    permanent: bool,
    code: Option<&'a [u8]>,
    message: Option<&'a [u8]>,
}

impl Note<'_> {
    fn key(&self) -> NoteKey<'_> {
        NoteKey {
            permanent: self.permanent,
            code: self.code.map(str::as_bytes),
            message: self.message.map(str::as_bytes),
        }
    }

    fn to_stored(self) -> StoredNote {
        StoredNote {
            permanent: self.permanent,
            code: self.code.map(c_string),
            message: self.message.map(c_string),
        }
    }
}

impl StoredNote {
    fn key(&self) -> NoteKey<'_> {
        NoteKey {
            permanent: self.permanent,
            code: self.code.as_deref().map(CStr::to_bytes),
            message: self.message.as_deref().map(CStr::to_bytes),
        }
    }
}

impl NoteTable {
    pub(super) fn get(&self, id: NoteId) -> Option<&StoredNote> {
        self.notes.get((id.0 as usize).checked_sub(1)?)
    }

    /// How many bytes the longest text has.
    pub(super) fn longest_text(&self) -> usize {
        let texts = self
            .notes
            .iter()
            .flat_map(|note| [&note.code, &note.message]);
        let lengths = texts.flatten().map(|text| text.as_bytes().len());
        lengths.max().unwrap_or(0)
    }

    pub(super) fn intern(&mut self, note: Note<'_>) -> NoteId {
        match self.find(&note.key()) {
            Some(known) => known,
            // With its NULs replaced it may be a known one after all.
            None => self.place(note.to_stored()),
        }
    }

    /// The same note as one that a next run would be told, too.
    pub(super) fn permanent(&mut self, id: NoteId) -> NoteId {
        match self.get(id).cloned() {
            Some(note) => self.place(StoredNote {
                permanent: true,
                ..note
            }),
            None => id,
        }
    }

    fn find(&self, key: &NoteKey<'_>) -> Option<NoteId> {
        // Of a service that has one thing to say it is mostly this one.
        if self.notes.last().is_some_and(|last| last.key() == *key) {
            return Some(NoteId(self.notes.len() as u32));
        }
        let same = |place: &u32| self.notes[*place as usize].key() == *key;
        let place = self.places.find(self.hasher.hash_one(key), same)?;
        Some(NoteId(place + 1))
    }

    fn place(&mut self, note: StoredNote) -> NoteId {
        if let Some(known) = self.find(&note.key()) {
            return known;
        }
        let place = self.notes.len() as u32;
        self.notes.push(note);
        let hash = |place: &u32| self.hasher.hash_one(self.notes[*place as usize].key());
        self.places.insert_unique(hash(&place), place, hash);
        NoteId(place + 1)
    }
}

/// A text as C reads it; a NUL, which would end it, becomes U+FFFD.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text)
        .or_else(|_| CString::new(text.replace('\0', "\u{fffd}")))
        .unwrap_or_default()
}
