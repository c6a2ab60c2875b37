//! One worker: it brings batch after batch to its end, over a session of its own.

use std::sync::atomic::Ordering;

use super::Run;
use super::control::{Stop, Stopped};
use super::rate_limiter::LONGEST_PAUSE;
use super::retry::backoff;
use super::sub_batch::BatchProgress;
use crate::error::Error;
use crate::failure::{Failure, FailureKind};
use crate::service::{Attempt, Deletion, FollowUp, Resend, RetryAction, Session};

/// How many connections in a row may be lost before one has carried the request.
const MOST_CONNECTS: usize = 3;

pub(super) struct Worker<'r, 'a> {
    run: &'r Run<'a>,
    session: Session<'a>,
    /// The batch under way. It outlives a panic, so that its ids can still be accounted for.
    progress: BatchProgress<'a>,
}

/// How a worker's part in a batch ended.
pub(super) enum Ended {
    /// Every id is recorded.
    Done,
    /// There is no connection to be had for this worker: others go on with the batch.
    LeftToOthers,
}

/// Why a request was not sent.
enum Unsent {
    Stopped,
    LeftToOthers,
    Failed(Failure),
}

impl From<Stopped> for Unsent {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl<'r, 'a> Worker<'r, 'a> {
    pub(super) fn new(run: &'r Run<'a>) -> Self {
        Self {
            run,
            session: run.context.service.session(run.context.system),
            progress: BatchProgress::default(),
        }
    }

    /// Brings a batch to its end, or leaves it to others.
    pub(super) fn execute(&mut self, progress: BatchProgress<'a>) -> Ended {
        self.progress = progress;
        while !self.progress.sub_batches.is_empty() {
            match self.attempt() {
                Ok(follow_up) => self.follow_up(follow_up),
                Err(Unsent::LeftToOthers) => return Ended::LeftToOthers,
                Err(Unsent::Failed(failure)) => self.not_sent(&failure),
                Err(Unsent::Stopped) => self.give_up(),
            }
        }
        Ended::Done
    }

    /// The run is stopped: records the ids that are left as what they are.
    pub(super) fn give_up(&mut self) {
        let stop = self.run.stop_error();
        let mut ledger = self.run.ledger();
        for sub_batch in self.progress.sub_batches.drain(..) {
            ledger.leave_stopped(&sub_batch, &stop);
        }
    }

    /// Leaves the connection to later runs.
    pub(super) fn close(&mut self) {
        self.session.close();
    }

    /// One attempt at the current request, which may be sent again at once.
    fn attempt(&mut self) -> Result<FollowUp, Unsent> {
        let mut resent = Resend::default();
        loop {
            self.make_ready()?;
            let follow_up = self.send();
            // A response that was not awaited did not fail on its own.
            if follow_up.action == RetryAction::Stop {
                self.check()?;
            }
            // That is not counted as an attempt.
            if !(follow_up.resend.is_new(&mut resent) && self.progress.spend(1)) {
                return Ok(follow_up);
            }
        }
    }

    /// Waits until a request may be sent, over a connection that is good for it.
    fn make_ready(&mut self) -> Result<(), Unsent> {
        for _ in 0..MOST_CONNECTS {
            // A connection that had to wait for its turn could be closed meanwhile.
            let turn = self.run.await_turn(self.progress.not_before())?;
            if self.session.is_connected() {
                return Ok(());
            }
            if let Err(failure) = self.session.connect(&self.run.connect_context()) {
                // What the end of the run cut short did not fail on its own.
                self.check()?;
                return Err(self.not_connected(failure));
            }
            if self.run.is_still(turn)? && self.session.is_connected() {
                return Ok(());
            }
        }
        Err(Unsent::Failed(Failure::unsent(
            FailureKind::Unreachable,
            "each new connection was closed, or carried bytes that nobody asked for, before a \
             request was sent on it",
        )))
    }

    /// Where the process has no more connections, those who have one do the work.
    fn not_connected(&mut self, failure: Failure) -> Unsent {
        if failure.kind == FailureKind::NoResources {
            let progress = std::mem::take(&mut self.progress);
            match self.run.queue.leave_to_others(progress) {
                None => return Unsent::LeftToOthers,
                Some(kept) => self.progress = kept,
            }
        }
        Unsent::Failed(failure)
    }

    /// Sends the current request and records what it came to.
    fn send(&mut self) -> FollowUp {
        let run = self.run;
        let Some(sub_batch) = self.progress.sub_batches.last_mut() else {
            return FollowUp::default();
        };
        sub_batch.in_flight = true;
        run.requests.fetch_add(1, Ordering::Relaxed);
        let ids: Vec<_> = sub_batch.ids.iter().map(|pending| pending.id).collect();
        let deletion = Deletion {
            user: self.progress.user,
            device: self.progress.device,
            ids: &ids,
        };
        let attempt = self.session.delete(&deletion, &run.request_context());
        run.record(sub_batch, &attempt);
        let mut follow_up = attempt.follow_up;
        self.session.end_request();
        self.heed_retry_after(&mut follow_up);
        follow_up
    }

    /// The current request could not be sent.
    fn not_sent(&mut self, failure: &Failure) {
        let attempt = Attempt::failed(failure);
        if let Some(sub_batch) = self.progress.sub_batches.last_mut() {
            self.run.record(sub_batch, &attempt);
        }
        self.follow_up(attempt.follow_up);
    }

    fn check(&self) -> Result<(), Stopped> {
        self.run.control.check(self.run.context.system.now())
    }

    /// Leaves the service alone for as long as it asks before the request is sent again. A run does
    /// not wait for longer than a minute: that would hold up the client's other runs.
    fn heed_retry_after(&self, follow_up: &mut FollowUp) {
        let sent_again = follow_up.resend.is_possible()
            || matches!(follow_up.action, RetryAction::TryAgain | RetryAction::Halve);
        let Some(pause) = follow_up.retry_after.filter(|_| sent_again) else {
            return;
        };
        let context = &self.run.context;
        if pause <= LONGEST_PAUSE {
            return context.rate_limiter.pause(context.system.now(), pause);
        }
        if let Some(attempt_error) = &mut follow_up.error {
            let error = &mut attempt_error.error;
            error.message += &format!(" (it asks for a pause of {} seconds)", pause.as_secs());
            error.retryable = true;
            self.run.control.stop(Stop::PauseTooLong(error.clone()));
        }
    }

    /// What is to be done after an attempt.
    fn follow_up(&mut self, follow_up: FollowUp) {
        let run = self.run;
        let Some(attempt_error) = follow_up.error else {
            run.retry_budget.succeeded();
            self.progress.sub_batches.pop();
            return;
        };
        match follow_up.action {
            RetryAction::TryAgain | RetryAction::Stop => self.try_again(attempt_error.error),
            // What is split is not refused for good.
            RetryAction::Halve if self.progress.halve() => {}
            RetryAction::Halve | RetryAction::Leave => {
                let error = &attempt_error.error;
                if !attempt_error.is_of_one_user() && !run.retry_budget.may_go_on() {
                    run.control.stop(Stop::TooManyFailures(error.clone()));
                }
                // Where others are left beside it, an id may be innocent.
                let is_guilty = follow_up.action == RetryAction::Halve;
                self.leave(error, is_guilty && self.progress.stands_alone());
            }
            RetryAction::Unauthorized => {
                let error = attempt_error.error;
                run.control.stop(Stop::Unauthorized(error.clone()));
                self.leave(&error, false);
            }
        }
    }

    fn try_again(&mut self, error: Error) {
        let run = self.run;
        if !run.retry_budget.may_try_again() {
            run.control.stop(Stop::TooManyFailures(error.clone()));
        }
        let Some(sub_batch) = self.progress.sub_batches.last_mut() else {
            return;
        };
        sub_batch.failed_attempts += 1;
        let system = run.context.system;
        let delay = backoff(sub_batch.failed_attempts, system.random());
        let not_before = system.now() + delay;
        // Other batches may still use the time that is left.
        let deadline = run.control.deadline();
        let is_too_late = deadline.is_some_and(|deadline| not_before >= deadline);
        if sub_batch.failed_attempts >= run.context.limits.max_attempts || is_too_late {
            self.leave(&error, false);
            return;
        }
        sub_batch.not_before = Some(not_before);
        sub_batch.last_error = Some(error);
    }

    /// Records the current request's ids as what they are; `permanent` if a next run would be told
    /// the same.
    fn leave(&mut self, error: &Error, permanent: bool) {
        if let Some(sub_batch) = self.progress.sub_batches.pop() {
            self.run.ledger().leave(&sub_batch, error, permanent);
            self.run.watch.add_done(sub_batch.ids.len());
        }
    }
}
