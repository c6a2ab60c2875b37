//! One worker: it brings batch after batch to its end, over a session of its own.

use std::sync::atomic::Ordering;

use super::Run;
use super::control::Stopped;
use super::sub_batch::BatchProgress;
use super::turn::Turn;
use crate::failure::{Failure, FailureKind};
use crate::service::{Attempt, Deletion, FollowUp, Resend, RetryAction, Session};
use crate::system::Passage;

/// How many connections in a row may be lost before one has carried the request.
const MOST_CONNECTS: usize = 3;

pub(super) struct Worker<'r, 'a> {
    pub(super) run: &'r Run<'a>,
    session: Session<'a>,
    /// The batch under way. It outlives a panic, so that its ids can still be accounted for.
    pub(super) progress: BatchProgress<'a>,
    /// The turn of its last attempt.
    pub(super) turn: Option<Turn>,
    /// While the service is in doubt: the right to try.
    pub(super) passage: Option<Passage<'r>>,
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
            session: run.context.service.session(run.context.system),
            progress: BatchProgress::default(),
            turn: None,
            passage: None,
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
        self.passage = None;
        let stop = self.run.stop_error();
        let sub_batches = std::mem::take(&mut self.progress.sub_batches);
        self.run.write_down(self.progress.index, None, |ledger| {
            for sub_batch in &sub_batches {
                ledger.leave_stopped(sub_batch, &stop);
            }
        });
    }

    /// Leaves the connection to later runs.
    pub(super) fn close(&mut self) {
        self.passage = None;
        self.session.close();
    }

    /// One attempt at the current request, which may be sent again at once.
    fn attempt(&mut self) -> Result<FollowUp, Unsent> {
        let mut resent = Resend::default();
        loop {
            self.stand_in_line();
            self.run.intend(self.progress.index)?;
            self.make_ready()?;
            // Others may have succeeded meanwhile.
            if self.has_used_up_attempts() {
                return Err(Unsent::UsedUp);
            }
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

    /// While the service is in doubt one request at a time is sent.
    fn stand_in_line(&mut self) {
        let run = self.run;
        if run.health.is_doubtful() && self.passage.is_none() {
            self.passage = Some(Passage::enter(&run.probe_gate, run.context.system));
        }
        // It may be over by now.
        if !run.health.is_doubtful() {
            self.passage = None;
        }
    }

    /// Waits until a request may be sent, over a connection that is good for it.
    fn make_ready(&mut self) -> Result<(), Unsent> {
        for _ in 0..MOST_CONNECTS {
            // A connection that had to wait for its turn could be closed meanwhile.
            let turn = self.run.await_turn(self.progress.not_before())?;
            self.turn = Some(turn);
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
        run.record(self.progress.index, sub_batch, &attempt);
        let mut follow_up = attempt.follow_up;
        self.session.end_request();
        self.heed_retry_after(&mut follow_up);
        follow_up
    }

    /// The current request could not be sent.
    fn not_sent(&mut self, failure: &Failure) {
        let attempt = Attempt::failed(failure);
        if let Some(sub_batch) = self.progress.sub_batches.last_mut() {
            self.run.record(self.progress.index, sub_batch, &attempt);
        }
        self.follow_up(attempt.follow_up);
    }

    fn check(&self) -> Result<(), Stopped> {
        self.run.control.check(self.run.context.system.now())
    }
}
