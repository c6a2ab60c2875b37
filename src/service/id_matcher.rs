//! Finds the ids of a request in the lists of its response.

use super::body::Body;

/// How a response names each id that was sent.
pub(super) struct ResponseMatch {
    /// In the order in which the ids were sent.
    pub(super) ids: Vec<IdMatch>,
    pub(super) any_deleted: bool,
}

/// How a response names one id.
#[derive(Clone, Copy)]
pub(crate) enum IdMatch {
    Unnamed,
    Deleted,
    /// By this entry of the failed list.
    Failed(u32),
    /// More than once.
    Contradictory,
}

impl IdMatch {
    /// Whether it says what became of the id.
    pub(crate) fn settles(self) -> bool {
        matches!(self, Self::Deleted | Self::Failed(_))
    }
}

impl ResponseMatch {
    /// None if the response names an id that was not sent.
    pub(super) fn find(ids: &[&str], body: &Body<'_>) -> Option<Self> {
        let mut matches = vec![IdMatch::Unnamed; ids.len()];
        let mut name = |place: usize, named| {
            matches[place] = match matches[place] {
                IdMatch::Unnamed => named,
                _ => IdMatch::Contradictory,
            };
        };
        let mut matcher = IdMatcher { ids, next: 0 };
        for id in &body.deleted {
            name(matcher.place(id)?, IdMatch::Deleted);
        }
        for (index, failed) in (0..).zip(&body.failed) {
            name(matcher.place(&failed.id)?, IdMatch::Failed(index));
        }
        Some(Self {
            ids: matches,
            any_deleted: !body.deleted.is_empty(),
        })
    }

    pub(super) fn names_any(&self) -> bool {
        let is_named = |id: &IdMatch| !matches!(id, IdMatch::Unnamed);
        self.ids.iter().any(is_named)
    }

    pub(super) fn settles_all(&self) -> bool {
        self.ids.iter().all(|id| id.settles())
    }
}

/// Finds ids that mostly come in the order in which they were sent.
struct IdMatcher<'a> {
    ids: &'a [&'a str],
    next: usize,
}

impl IdMatcher<'_> {
    #[inline]
    fn place(&mut self, id: &str) -> Option<usize> {
        let place = match self.ids.get(self.next) {
            Some(&next) if next == id => self.next,
            _ => self.search(id)?,
        };
        self.next = place + 1;
        Some(place)
    }

    #[cold]
    fn search(&self, id: &str) -> Option<usize> {
        let (before, from_here) = self.ids.split_at(self.next);
        let same = |other: &&str| *other == id;
        match from_here.iter().position(same) {
            Some(ahead) => Some(self.next + ahead),
            None => before.iter().position(same),
        }
    }
}
