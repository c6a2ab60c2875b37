//! What is known of a run's ids so far, shared by its workers.

use super::sub_batch::SubBatch;
use super::verdict::IdVerdict;
use crate::error::Error;
use crate::journal::SharedOutcome;
use crate::report::{Note, NoteId, Outcome, Report};
use crate::service::Attempt;

/// The report in the making.
pub(super) struct Ledger {
    pub(super) report: Report,
    /// What a journal has not been told yet; none without one.
    untold: Option<Vec<(u32, Outcome, NoteId)>>,
    /// The lowest position without an outcome of its own, and why.
    incomplete: Option<(u32, Error)>,
}

impl Ledger {
    pub(super) fn new(report: Report, has_journal: bool) -> Self {
        Self {
            report,
            untold: has_journal.then(Vec::new),
            incomplete: None,
        }
    }

    /// The report, and why it is incomplete if it is.
    pub(super) fn into_parts(self) -> (Report, Option<Error>) {
        (self.report, self.incomplete.map(|(_, error)| error))
    }

    /// Records what an attempt to send a request came to: settled ids leave it.
    pub(super) fn record(&mut self, sub_batch: &mut SubBatch<'_>, attempt: &Attempt<'_>) {
        let error = attempt.follow_up.error.as_ref();
        let common = error.map(|error| {
            self.report.intern(Note {
                permanent: false,
                code: error.error.service_code.as_deref(),
                message: Some(error.message()),
            })
        });
        // In place, so that a panic in here loses no id.
        for (place, pending) in sub_batch.ids.iter_mut().enumerate() {
            let verdict = IdVerdict::new(&attempt.coverage, place, pending.outcome);
            pending.outcome = verdict.outcome;
            pending.settled = verdict.settled;
            pending.record_message(&verdict, common, attempt.has_response, |note| {
                self.report.intern(note)
            });
            if verdict.settled {
                self.record_outcome(pending.position, pending.outcome, pending.note);
            }
        }
        sub_batch.in_flight = false;
        sub_batch.ids.retain(|pending| !pending.settled);
    }

    /// Records the ids of a request that is not sent again as what they are; `permanent` if a next run
    /// would be told the same.
    pub(super) fn leave(&mut self, sub_batch: &SubBatch<'_>, error: &Error, permanent: bool) {
        self.note_incomplete(sub_batch.first_position(), error);
        for pending in &sub_batch.ids {
            let note = match permanent {
                true => self.report.permanent(pending.note),
                false => pending.note,
            };
            self.record_outcome(pending.position, pending.outcome, note);
        }
    }

    /// Records the ids of a request that the stopped run does not bring to its end.
    pub(super) fn leave_stopped(&mut self, sub_batch: &SubBatch<'_>, stop: &Error) {
        let unheard = self.of_stop(stop);
        let error = sub_batch.last_error.as_ref().unwrap_or(stop);
        self.note_incomplete(sub_batch.first_position(), error);
        for pending in &sub_batch.ids {
            // Only a panic leaves a request in flight: nobody knows how far it got.
            let outcome = match sub_batch.in_flight {
                true => Outcome::Unknown,
                false => pending.outcome,
            };
            let note = match pending.note {
                NoteId::NONE => unheard,
                note => note,
            };
            self.record_outcome(pending.position, outcome, note);
        }
    }

    /// Records the ids of a batch that the stopped run does not begin; `is_intended`: the journal says that
    /// they may have been sent.
    pub(super) fn leave_untouched(&mut self, positions: &[u32], stop: &Error, is_intended: bool) {
        let note = self.of_stop(stop);
        self.note_incomplete(positions.first().copied(), stop);
        for position in positions {
            self.report.set_note(*position, note);
            if is_intended && let Some(outcome) = self.report.outcome(*position as usize) {
                self.record_outcome(*position, outcome, note);
            }
        }
    }

    #[inline]
    fn record_outcome(&mut self, position: u32, outcome: Outcome, note: NoteId) {
        self.report.record(position, outcome, note);
        if let Some(untold) = &mut self.untold {
            untold.push((position, outcome, note));
        }
    }

    /// Hands what the journal has not been told to it.
    pub(super) fn tell<T>(&mut self, tell: impl FnOnce(Vec<SharedOutcome<'_>>) -> T) -> T {
        let mut groups: Vec<(Outcome, NoteId, Vec<u32>)> = Vec::new();
        for (position, outcome, note) in self.untold.iter_mut().flat_map(|all| all.drain(..)) {
            let same = |group: &&mut (Outcome, NoteId, _)| (group.0, group.1) == (outcome, note);
            match groups.iter_mut().find(same) {
                Some((.., positions)) => positions.push(position),
                None => groups.push((outcome, note, vec![position])),
            }
        }
        let shared = |(outcome, note, positions)| SharedOutcome {
            outcome,
            note: self.report.note_text(note),
            positions,
        };
        tell(groups.into_iter().map(shared).collect())
    }

    /// What to say of ids of which nothing else is known than that the run was stopped.
    fn of_stop(&mut self, stop: &Error) -> NoteId {
        self.report.intern(Note {
            message: Some(&stop.message),
            ..Note::default()
        })
    }

    /// Ids end without an outcome of their own, `first` before the others.
    fn note_incomplete(&mut self, first: Option<u32>, error: &Error) {
        let lowest = self.incomplete.as_ref().map(|(lowest, _)| *lowest);
        if let Some(first) = first.filter(|first| lowest.is_none_or(|lowest| *first < lowest)) {
            self.incomplete = Some((first, error.clone()));
        }
    }
}
