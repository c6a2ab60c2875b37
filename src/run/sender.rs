//! How one thread sends: when it is its turn, over a session of its own; and what each response or failure says
//! of the service.

use std::time::Instant;

use super::control::{Stop, Stopped};
use super::dispatch::{Dispatch, Turn};
use super::health::{Diagnosis, FailedAttempt};
use crate::failure::{Failure, FailureKind};
use crate::service::{AttemptError, FollowUp, RetryAction, Session};
use crate::system::Passage;

/// How many connections in a row may be lost before one has carried the request.
const MOST_CONNECTS: usize = 3;

pub(super) struct Sender<'r> {
    pub(super) dispatch: &'r Dispatch<'r>,
    pub(super) session: Session<'r>,
    /// Of the last request.
    turn: Option<Turn>,
    /// While the service is in doubt: the right to try.
    passage: Option<Passage<'r>>,
}

/// Why a request can't be sent.
pub(super) enum NotReady {
    Stopped,
    NotConnected(Failure),
    /// There were connections, and none lasted.
    Failed(Failure),
}

impl From<Stopped> for NotReady {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// What a failed attempt says.
pub(super) struct FailureReport {
    pub(super) diagnosis: Diagnosis,
    /// The service refused it for its rate, which does not count as an attempt.
    pub(super) is_throttled: bool,
    pub(super) now: Instant,
}

impl<'r> Sender<'r> {
    pub(super) fn new(dispatch: &'r Dispatch<'r>) -> Self {
        let context = dispatch.context;
        Self {
            dispatch,
            session: context.service.session(context.system),
            turn: None,
            passage: None,
        }
    }

    /// While the service is in doubt one request at a time is sent.
    pub(super) fn stand_in_line(&mut self) {
        let dispatch = self.dispatch;
        if dispatch.health.is_doubtful() && self.passage.is_none() {
            let system = dispatch.context.system;
            self.passage = Some(Passage::enter(&dispatch.probe_gate, system));
        }
        // It may be over by now.
        if !dispatch.health.is_doubtful() {
            self.passage = None;
        }
    }

    /// Lets others have the next turn.
    pub(super) fn step_back(&mut self) {
        self.passage = None;
    }

    /// Waits until a request may be sent, over a connection that is good for it.
    pub(super) fn make_ready(&mut self, not_before: Option<Instant>) -> Result<(), NotReady> {
        for _ in 0..MOST_CONNECTS {
            // A connection that had to wait for its turn could be closed meanwhile.
            let turn = self.dispatch.await_turn(not_before)?;
            self.turn = Some(turn);
            if self.session.is_connected() {
                return Ok(());
            }
            if let Err(failure) = self.session.connect(&self.dispatch.connect_context()) {
                // What the end of the run cut short did not fail on its own.
                self.dispatch.check()?;
                return Err(NotReady::NotConnected(failure));
            }
            if self.dispatch.is_still(turn)? && self.session.is_connected() {
                return Ok(());
            }
        }
        Err(NotReady::Failed(Failure::unsent(
            FailureKind::Unreachable,
            "each new connection was closed, or carried bytes that nobody asked for, before a \
             request was sent on it",
        )))
    }

    /// The service itself answered the last request.
    pub(super) fn answered(&mut self) {
        if let Some(turn) = self.turn {
            self.dispatch.health.answered(turn.began);
            self.dispatch.context.rate_limiter.accepted(turn.began);
        }
        self.passage = None;
    }

    /// The last request failed, and perhaps it is the service that failed.
    pub(super) fn failed(&self, attempt_error: &AttemptError) -> FailureReport {
        let Dispatch {
            health,
            context,
            events,
            ..
        } = self.dispatch;
        let now = self.dispatch.now();
        let sent = self.turn.map_or(now, |turn| turn.began);
        let slot = self.turn.and_then(|turn| turn.slot);
        if attempt_error.is_throttle()
            && !health.is_doubtful()
            && let Some(rate) = context.rate_limiter.throttled(now, sent, slot)
        {
            events.throttled(rate, &attempt_error.error);
        }
        let is_throttled = attempt_error.is_throttle()
            && (!attempt_error.may_be_overload() || health.has_ever_answered());
        let diagnosis = health.failed(FailedAttempt {
            sent,
            now,
            error: &attempt_error.error,
            is_throttled,
        });
        FailureReport {
            diagnosis,
            is_throttled,
            now,
        }
    }

    /// The response was read, or is not awaited. `can_halve`: if the request is to be halved, it can be.
    pub(super) fn end_request(&mut self, follow_up: &mut FollowUp, can_halve: bool) {
        self.session.end_request();
        if follow_up.resend.is_for_the_clock() {
            self.dispatch.clock_corrected();
        }
        let is_sent_again = match follow_up.action {
            RetryAction::TryAgain => true,
            RetryAction::Halve => can_halve,
            _ => false,
        };
        if is_sent_again || follow_up.resend.is_possible() {
            self.heed_retry_after(follow_up);
        }
    }

    /// Leaves the service alone for as long as it asks before the request is sent again. For longer than an
    /// outage a run does not wait: that would hold up the client's other runs.
    fn heed_retry_after(&self, follow_up: &mut FollowUp) {
        let Some(pause) = follow_up.retry_after else {
            return;
        };
        let (dispatch, now) = (self.dispatch, self.dispatch.now());
        if dispatch.health.is_worth_waiting(now, pause) {
            return dispatch.context.rate_limiter.pause(now, pause);
        }
        if let Some(attempt_error) = &mut follow_up.error {
            let error = &mut attempt_error.error;
            error.message += &format!(" (it asks for a pause of {} seconds)", pause.as_secs());
            error.retryable = true;
            dispatch.control.stop(Stop::PauseTooLong(error.clone()));
        }
    }

    /// Leaves the connection to later runs.
    pub(super) fn close(&mut self) {
        self.passage = None;
        self.session.close();
    }
}
