//! A batch on its way: the ids without a final outcome, in the requests that halving made of them.

use std::time::Instant;

use crate::error::Error;
use crate::report::{Note, NoteId, Outcome};

use super::events::ToldRequest;
use super::schedule::{Batch, Schedule};
use super::verdict::IdVerdict;

/// How many requests a batch may cost beyond its attempts: enough to find two bad ids of 100 by
/// halves.
const EXTRA_REQUESTS: u32 = 30;

const REQUESTS_OF_HALVES: u32 = 2;

/// All that a worker needs to go on with a batch, so that another can, too.
#[derive(Default)]
pub(super) struct BatchProgress<'r> {
    /// Of the batch in its schedule.
    pub(super) index: usize,
    pub(super) user: &'r str,
    pub(super) device: &'r str,
    /// The last is next.
    pub(super) sub_batches: Vec<SubBatch<'r>>,
    extra_requests_left: u32,
}

/// Ids that travel in one request.
pub(super) struct SubBatch<'r> {
    pub(super) ids: Vec<PendingId<'r>>,
    /// How often it was sent.
    pub(super) sends: u32,
    /// Those that count as its own.
    pub(super) failed_attempts: u32,
    pub(super) first_failure: Option<Instant>,
    /// When it had had its attempts: how often the service had got over its troubles by then.
    pub(super) suspected_trouble: Option<u32>,
    /// How many outages of the service were over by then.
    outages_over: u32,
    pub(super) not_before: Option<Instant>,
    pub(super) last_error: Option<Error>,
    /// From before a request leaves until its response is judged.
    pub(super) in_flight: bool,
}

/// An id without its final outcome.
#[derive(Clone, Copy)]
pub(super) struct PendingId<'r> {
    pub(super) position: u32,
    pub(super) id: &'r str,
    pub(super) outcome: Outcome,
    pub(super) settled: bool,
    pub(super) note: NoteId,
    /// Whether the note holds words of the service, which silence does not overwrite.
    from_service: bool,
}

impl<'r> BatchProgress<'r> {
    /// This run sent nothing of it yet.
    pub(super) fn new(index: usize, batch: Batch<'r>, schedule: &Schedule<'r>) -> Self {
        let pending = |position: &u32| PendingId {
            position: *position,
            id: schedule.id(*position),
            outcome: schedule.outcome_before_run(*position),
            settled: false,
            note: NoteId::NONE,
            from_service: false,
        };
        Self {
            index,
            user: batch.user,
            device: batch.device,
            sub_batches: vec![SubBatch {
                ids: batch.positions.iter().map(pending).collect(),
                sends: 0,
                failed_attempts: 0,
                first_failure: None,
                suspected_trouble: None,
                outages_over: 0,
                not_before: None,
                last_error: None,
                in_flight: false,
            }],
            extra_requests_left: EXTRA_REQUESTS,
        }
    }

    /// Whether the current request holds one id only.
    pub(super) fn stands_alone(&self) -> bool {
        self.sub_batches.last().is_none_or(|sub| sub.ids.len() <= 1)
    }

    /// When the current request may be sent.
    pub(super) fn not_before(&self) -> Option<Instant> {
        self.sub_batches.last()?.not_before
    }

    /// Whether the current request has two ids, and the batch requests to spend on its halves.
    pub(super) fn can_halve(&self) -> bool {
        !self.stands_alone() && self.extra_requests_left >= REQUESTS_OF_HALVES
    }

    /// Splits the current request in two, if it can be.
    pub(super) fn halve(&mut self) -> bool {
        if !self.can_halve() || !self.spend(REQUESTS_OF_HALVES) {
            return false;
        }
        let Some(mut first) = self.sub_batches.pop() else {
            return false;
        };
        first.sends = 0;
        let second = SubBatch {
            ids: first.ids.split_off(first.ids.len() / 2),
            last_error: first.last_error.clone(),
            ..first
        };
        self.sub_batches.extend([second, first]);
        true
    }

    /// Takes so many of the batch's extra requests, if they are left.
    pub(super) fn spend(&mut self, requests: u32) -> bool {
        let left = self.extra_requests_left.checked_sub(requests);
        self.extra_requests_left = left.unwrap_or(self.extra_requests_left);
        left.is_some()
    }
}

impl<'r> SubBatch<'r> {
    /// What it failed in an outage that is over was the service's failure.
    pub(super) fn forgive(&mut self, outages_over: u32) {
        if self.outages_over != outages_over {
            self.outages_over = outages_over;
            self.failed_attempts = 0;
            self.first_failure = None;
            self.suspected_trouble = None;
        }
    }

    /// Its latest try, as events tell of it.
    pub(super) fn told(&self, user: &'r str, device: &'r str) -> ToldRequest<'r> {
        ToldRequest {
            user,
            device: Some(device),
            first_scope: self.ids.first().map(|first| first.id),
            scope_count: self.ids.len(),
            attempt: self.sends,
        }
    }

    /// Ids are in the plan's order.
    pub(super) fn first_position(&self) -> Option<u32> {
        self.ids.first().map(|id| id.position)
    }
}

impl PendingId<'_> {
    /// Keeps what was said last: of this id, or else of the whole request.
    pub(super) fn record_message(
        &mut self,
        verdict: &IdVerdict<'_>,
        common: Option<NoteId>,
        has_response: bool,
        mut intern: impl FnMut(Note<'_>) -> NoteId,
    ) {
        if let Some(note) = verdict.note {
            self.note = intern(note);
            self.from_service = true;
        } else if verdict.settled {
            self.note = NoteId::NONE;
        } else if let Some(common) = common.filter(|_| has_response || !self.from_service) {
            self.note = common;
            self.from_service = has_response;
        }
    }
}
