//! (what an attempt came to, what was known before) -> one outcome per id. Pure functions.
//!
//! An id was *possibly executed* once a request that carried it may have been executed, in this run or one
//! before. While an id is unsettled its outcome says so: `NotSent` and `Rejected` were not, `Unknown` was.
//! From then on an id ends as `Deleted`, `Gone` or `Unknown`, whatever refuses it later.

use crate::report::{Note, Outcome};
use crate::service::{Coverage, Execution, FailedScope, IdMatch, code};

/// What one attempt means for one id.
pub(super) struct IdVerdict<'a> {
    pub(super) outcome: Outcome,
    /// Settled ids are never sent again.
    pub(super) settled: bool,
    /// What the service said of this id.
    pub(super) note: Option<Note<'a>>,
}

impl<'a> IdVerdict<'a> {
    /// What an attempt means for the id at `place` of its request, whose outcome so far was `before`:
    /// of an unsettled id.
    pub(super) fn new(coverage: &'a Coverage<'_>, place: usize, before: Outcome) -> Self {
        match coverage {
            Coverage::All(execution) => Self::unsettled(after(*execution, before)),
            Coverage::Each(ids, failed) => match ids[place] {
                IdMatch::Deleted => Self {
                    outcome: Outcome::Deleted,
                    settled: true,
                    note: None,
                },
                IdMatch::Failed(index) => Self::failed(&failed[index as usize], before),
                IdMatch::Unnamed | IdMatch::Contradictory => Self::unsettled(Outcome::Unknown),
            },
        }
    }

    fn unsettled(outcome: Outcome) -> Self {
        Self {
            outcome,
            settled: false,
            note: None,
        }
    }

    fn failed(failed: &'a FailedScope<'_>, before: Outcome) -> Self {
        let possibly_executed = before == Outcome::Unknown;
        let outcome = match failed.code.as_deref() {
            Some(code::NOT_FOUND) => Outcome::NotFound,
            _ => Outcome::Rejected,
        };
        Self {
            outcome: match possibly_executed {
                true => outcome.if_tried(),
                false => outcome,
            },
            settled: true,
            note: Some(Note {
                // It stood once in its request, so this is about something else that passes.
                permanent: failed.code.as_deref() != Some(code::DUPLICATE),
                code: failed.code.as_deref(),
                message: failed.message.as_deref(),
            }),
        }
    }
}

/// The outcome of an id of a request that went like this.
fn after(execution: Execution, before: Outcome) -> Outcome {
    match execution {
        Execution::NotReceived => before,
        Execution::Possible => Outcome::Unknown,
        Execution::Refused if before == Outcome::Unknown => Outcome::Unknown,
        Execution::Refused => Outcome::Rejected,
    }
}
