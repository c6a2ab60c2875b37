//! One worker: it brings batch after batch to its end, over a session of its own.

use super::Run;
use super::control::Stopped;
use super::events::Again;
use super::sender::{NotReady, Sender};
use super::sub_batch::{BatchProgress, SubBatch};
use crate::error::Error;
use crate::failure::{Failure, FailureKind};
use crate::service::{Attempt, Deletion, FollowUp, Resend, RetryAction};

pub(super) struct Worker<'r, 'a> {
    pub(super) run: &'r Run<'a>,
    pub(super) sender: Sender<'r>,
    /// The batch under way. It outlives a panic, so that its ids can still be accounted for.
    pub(super) progress: BatchProgress<'a>,
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
    /// It had its attempts.
    UsedUp,
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
            sender: Sender::new(&run.dispatch),
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
                Err(Unsent::UsedUp) => self.leave_used_up(),
                Err(Unsent::Stopped) => self.give_up(),
            }
        }
        Ended::Done
    }

    /// The run is stopped: records the ids that are left as what they are.
    pub(super) fn give_up(&mut self) {
        self.sender.step_back();
        let stop = self.run.dispatch.stop_error();
        let sub_batches = std::mem::take(&mut self.progress.sub_batches);
        self.run.write_down(self.progress.index, None, |ledger| {
            for sub_batch in &sub_batches {
                ledger.leave_stopped(sub_batch, &stop);
            }
        });
        for sub_batch in &sub_batches {
            // What did not fail is left by the stop, which tells of itself.
            if let Some(error) = &sub_batch.last_error {
                self.tell_given_up(sub_batch, error);
            }
        }
    }

    /// Leaves the connection to later runs.
    pub(super) fn close(&mut self) {
        self.sender.close();
    }

    /// One attempt at the current request, which may be sent again at once.
    fn attempt(&mut self) -> Result<FollowUp, Unsent> {
        let mut resent = Resend::default();
        loop {
            self.sender.stand_in_line();
            self.run.intend(self.progress.index)?;
            let ready = self.make_ready();
            // Others may have succeeded meanwhile: then a connect that failed is of no matter.
            if matches!(ready, Ok(()) | Err(Unsent::Failed(_))) && self.has_used_up_attempts() {
                return Err(Unsent::UsedUp);
            }
            ready?;
            let follow_up = self.send();
            // A response that was not awaited did not fail on its own.
            if follow_up.action == RetryAction::Stop {
                self.run.dispatch.check()?;
            }
            // That is not counted as an attempt.
            if !(follow_up.resend.is_new(&mut resent) && self.progress.spend(1)) {
                return Ok(follow_up);
            }
            if let Some(attempt_error) = &follow_up.error {
                self.tell_retry(&attempt_error.error, &Again::AtOnce);
            }
        }
    }

    /// Waits until the current request may be sent.
    fn make_ready(&mut self) -> Result<(), Unsent> {
        let ready = self.sender.make_ready(self.progress.not_before());
        ready.map_err(|not_ready| match not_ready {
            NotReady::Stopped => Unsent::Stopped,
            NotReady::NotConnected(failure) => self.not_connected(failure),
            NotReady::Failed(failure) => Unsent::Failed(failure),
        })
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
        let ids: Vec<_> = sub_batch.ids.iter().map(|pending| pending.id).collect();
        let deletion = Deletion {
            user: self.progress.user,
            device: self.progress.device,
            ids: &ids,
        };
        sub_batch.sends += 1;
        let events = run.dispatch.events;
        let sent = events.sending(sub_batch.told(deletion.user, deletion.device));
        let context = run.dispatch.deletion_context();
        let attempt = self.sender.session.delete(&deletion, &context);
        events.sent(&sent, &attempt);
        run.record(self.progress.index, sub_batch, &attempt);
        let mut follow_up = attempt.follow_up;
        let can_halve = self.progress.can_halve();
        self.sender.end_request(&mut follow_up, can_halve);
        follow_up
    }

    /// Tells that the current request will be sent again.
    pub(super) fn tell_retry(&self, error: &Error, again: &Again) {
        let BatchProgress { user, device, .. } = self.progress;
        if let Some(sub_batch) = self.progress.sub_batches.last() {
            let next = sub_batch.told(user, device).next_try();
            self.run.dispatch.tell_retry(&next, error, again);
        }
    }

    /// Tells that a request is not sent again.
    pub(super) fn tell_given_up(&self, sub_batch: &SubBatch<'_>, error: &Error) {
        let BatchProgress { user, device, .. } = self.progress;
        let events = self.run.dispatch.events;
        events.given_up(&sub_batch.told(user, device), error);
    }

    /// The current request could not be sent.
    fn not_sent(&mut self, failure: &Failure) {
        let attempt = Attempt::failed(failure);
        if let Some(sub_batch) = self.progress.sub_batches.last_mut() {
            self.run.record(self.progress.index, sub_batch, &attempt);
        }
        self.follow_up(attempt.follow_up);
    }
}
