//! What a worker does after an attempt: leave the request, try it again or split it; wait for the service,
//! or stop the run.

use std::time::Instant;

use super::backoff::backoff;
use super::control::Stop;
use super::events::Again;
use super::health::Diagnosis;
use super::sender::FailureReport;
use super::worker::Worker;
use crate::error::Error;
use crate::service::{AttemptError, FollowUp, RetryAction};

impl Worker<'_, '_> {
    /// What is to be done after an attempt.
    pub(super) fn follow_up(&mut self, follow_up: FollowUp) {
        let run = self.run;
        if follow_up.is_answered {
            self.sender.answered();
        }
        let Some(attempt_error) = follow_up.error else {
            run.dispatch.health.succeeded();
            self.progress.sub_batches.pop();
            return;
        };
        match follow_up.action {
            RetryAction::TryAgain if follow_up.is_answered => {
                self.charge(self.now());
                self.try_later(attempt_error.error, true);
            }
            RetryAction::TryAgain | RetryAction::Stop => self.failed(attempt_error),
            // What is split is not refused for good.
            RetryAction::Halve if self.progress.halve() => {
                self.tell_retry(&attempt_error.error, &Again::InHalves);
            }
            RetryAction::Halve | RetryAction::Leave => {
                let error = &attempt_error.error;
                if !attempt_error.is_of_one_user() && !run.dispatch.health.may_go_on() {
                    run.dispatch
                        .control
                        .stop(Stop::TooManyRefusals(error.clone()));
                }
                // Where others are left beside it, an id may be innocent.
                let is_guilty = follow_up.action == RetryAction::Halve;
                self.leave(error, is_guilty && self.progress.stands_alone());
            }
            RetryAction::Unauthorized => {
                let error = attempt_error.error;
                run.dispatch.control.stop(Stop::Unauthorized(error.clone()));
                self.leave(&error, false);
            }
        }
    }

    /// Whether the current request has had its attempts, and it is not the service that is down.
    pub(super) fn has_used_up_attempts(&mut self) -> bool {
        let run = self.run;
        let Some(sub_batch) = self.progress.sub_batches.last_mut() else {
            return false;
        };
        if sub_batch.failed_attempts == 0 {
            return false;
        }
        sub_batch.forgive(run.dispatch.health.outages_over());
        sub_batch.failed_attempts >= run.dispatch.context.limits.max_attempts
            && sub_batch.suspected_trouble != Some(run.dispatch.health.troubles_over())
    }

    /// Records the ids of a request that is not tried any more.
    pub(super) fn leave_used_up(&mut self) {
        let sub_batch = self.progress.sub_batches.last();
        if let Some(error) = sub_batch.and_then(|sub_batch| sub_batch.last_error.clone()) {
            self.leave(&error, false);
        }
    }

    /// An attempt failed, and perhaps it is the service that failed.
    fn failed(&mut self, attempt_error: AttemptError) {
        let FailureReport {
            diagnosis,
            is_throttled,
            now,
        } = self.sender.failed(&attempt_error);
        match diagnosis {
            Diagnosis::ServiceDown { try_fresh } => {
                self.tell_retry(&attempt_error.error, &Again::WhenPossible);
                self.wait_for_service(attempt_error.error);
                self.change_request(try_fresh);
            }
            Diagnosis::GivenUp => {
                let error = attempt_error.error;
                let control = &self.run.dispatch.control;
                control.stop(Stop::ServiceDown(error.clone()));
                self.wait_for_service(error);
            }
            Diagnosis::RequestFailed | Diagnosis::ServiceSuspected if is_throttled => {
                self.tell_retry(&attempt_error.error, &Again::WhenPossible);
                self.wait_for_service(attempt_error.error);
            }
            Diagnosis::RequestFailed => {
                self.charge(now);
                self.try_later(attempt_error.error, false);
            }
            Diagnosis::ServiceSuspected => {
                self.charge(now);
                match self.is_last_request() {
                    true => self.try_later(attempt_error.error, true),
                    false => self.try_another(attempt_error.error),
                }
            }
        }
    }

    /// The current request is sent again when the rate and the service allow it.
    fn wait_for_service(&mut self, error: Error) {
        if let Some(sub_batch) = self.progress.sub_batches.last_mut() {
            sub_batch.not_before = None;
            sub_batch.last_error = Some(error);
        }
    }

    /// The attempt counts as the request's own.
    fn charge(&mut self, now: Instant) {
        let outages_over = self.run.dispatch.health.outages_over();
        if let Some(sub_batch) = self.progress.sub_batches.last_mut() {
            sub_batch.forgive(outages_over);
            sub_batch.failed_attempts += 1;
            sub_batch.first_failure.get_or_insert(now);
        }
    }

    /// Tries the current request again after a while, unless it has had its attempts. `is_own`: the
    /// failure can't be the service's.
    fn try_later(&mut self, error: Error, is_own: bool) {
        let (run, now) = (self.run, self.now());
        let is_last = self.is_last_request();
        // If there is no other request, nobody can tell.
        let is_own = is_own || is_last;
        let Some(sub_batch) = self.progress.sub_batches.last_mut() else {
            return;
        };
        if sub_batch.failed_attempts >= run.dispatch.context.limits.max_attempts {
            let first_failure = sub_batch.first_failure.unwrap_or(now);
            if is_own || run.dispatch.health.has_answered_since(first_failure) {
                self.leave(&error, false);
            } else {
                self.try_another(error);
            }
            return;
        }
        let not_before = now
            + backoff(
                sub_batch.failed_attempts,
                run.dispatch.context.system.random(),
            );
        // Other batches may still use the time that is left, unless they would fail as well.
        let deadline = run.dispatch.control.deadline();
        let is_too_late = deadline.is_some_and(|deadline| not_before >= deadline);
        if is_too_late && (is_last || !run.dispatch.health.is_doubtful()) {
            self.leave(&error, false);
            return;
        }
        sub_batch.not_before = Some(not_before);
        sub_batch.last_error = Some(error.clone());
        self.tell_retry(&error, &Again::NotBefore(not_before));
    }

    /// Tries another request at once: if that succeeds, the service is up, and this one's failures are its
    /// own.
    fn try_another(&mut self, error: Error) {
        self.tell_retry(&error, &Again::WhenPossible);
        self.wait_for_service(error.clone());
        let troubles_over = self.run.dispatch.health.troubles_over();
        let max_attempts = self.run.dispatch.context.limits.max_attempts;
        let sub_batch = self.progress.sub_batches.last_mut();
        if let Some(sub_batch) = sub_batch.filter(|sub| sub.failed_attempts >= max_attempts) {
            sub_batch.suspected_trouble = Some(troubles_over);
        }
        let health = &self.run.dispatch.health;
        health.suspect_outage(self.now(), &error);
        self.change_request(true);
    }

    /// Lets another request have the next turn: one that nobody has tried, or else one that waits.
    fn change_request(&mut self, try_fresh: bool) {
        let run = self.run;
        self.sender.step_back();
        let progress = std::mem::take(&mut self.progress);
        let fresh = match try_fresh {
            true => run.schedule.batch_count(),
            false => 0,
        };
        match run.queue.exchange(progress, fresh) {
            Ok(other) => self.progress = run.progress(other).unwrap_or_default(),
            Err(progress) => {
                self.progress = progress;
                self.progress.sub_batches.rotate_right(1);
            }
        }
    }

    /// Records the current request's ids as what they are; `permanent` if a next run would be told
    /// the same.
    fn leave(&mut self, error: &Error, permanent: bool) {
        if let Some(sub_batch) = self.progress.sub_batches.pop() {
            self.run.write_down(self.progress.index, None, |ledger| {
                ledger.leave(&sub_batch, error, permanent);
            });
            self.tell_given_up(&sub_batch, error);
            self.run.watch.add_done(sub_batch.ids.len());
        }
    }

    /// Whether the run has no other request.
    fn is_last_request(&self) -> bool {
        let batches = self.run.schedule.batch_count();
        self.progress.sub_batches.len() <= 1 && self.run.queue.has_one_left(batches)
    }

    fn now(&self) -> Instant {
        self.run.dispatch.now()
    }
}
