//! One worker: it carries out batch after batch on a connection of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::control::{Stop, Stopped};
use super::pace::{LONGEST_PAUSE, Slot};
use super::retry::backoff;
use super::sub_batch::BatchProgress;
use super::verdict::{FORBIDDEN, Next, Trouble, judge};
use super::{NoteId, Outcome, Run, Tools};
use crate::error::{Error, ErrorKind};
use crate::service::{Answer, Deletion};
use crate::system::Passage;
use crate::transport::{Failure, FailureKind, Idle, Patience};

/// How many connections in a row may be lost before one has carried the request.
const MOST_CONNECTS: usize = 3;

type Interrupted = Arc<dyn Fn() -> bool + Send + Sync>;

pub(super) struct Worker<'r, 'a> {
    run: &'r Run<'a>,
    connection: Option<Idle>,
    stopping: Interrupted,
    abandoned: Interrupted,
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

/// What became of an attempt.
struct Attempted {
    next: Next,
    trouble: Option<Trouble>,
    resend: Resend,
}

/// Why a refused request may be sent again at once: it was not the request that was wrong.
#[derive(Clone, Copy, Default)]
struct Resend {
    clock_corrected: bool,
    credentials_replaced: bool,
}

impl Resend {
    /// Whether there is a reason that was not there `before`; from now on it was.
    fn is_new(self, before: &mut Self) -> bool {
        let is_new = self.clock_corrected && !before.clock_corrected
            || self.credentials_replaced && !before.credentials_replaced;
        before.clock_corrected |= self.clock_corrected;
        before.credentials_replaced |= self.credentials_replaced;
        is_new
    }

    fn is_possible(self) -> bool {
        self.clock_corrected || self.credentials_replaced
    }
}

impl<'r, 'a> Worker<'r, 'a> {
    pub(super) fn new(run: &'r Run<'a>) -> Self {
        let (stopping, abandoned) = (Arc::clone(&run.control), Arc::clone(&run.control));
        Self {
            run,
            connection: None,
            stopping: Arc::new(move || stopping.is_stopping()),
            abandoned: Arc::new(move || abandoned.is_abandoned()),
            progress: BatchProgress::default(),
        }
    }

    /// Brings a batch to its end, or leaves it to others.
    pub(super) fn carry_out(&mut self, progress: BatchProgress<'a>) -> Ended {
        self.progress = progress;
        while !self.progress.sub_batches.is_empty() {
            match self.attempt() {
                Ok(Some(attempted)) => self.follow(attempted),
                Ok(None) => return Ended::LeftToOthers,
                Err(Stopped) => self.give_up(),
            }
        }
        Ended::Done
    }

    /// The run is stopped: records the ids that are left as what they are.
    pub(super) fn give_up(&mut self) {
        let stop = self.run.stop_error();
        let mut ledger = self.run.ledger();
        let unheard = ledger.unheard(&stop);
        for sub_batch in self.progress.sub_batches.drain(..) {
            let error = sub_batch.last_error.as_ref().unwrap_or(&stop);
            ledger.note_incomplete(sub_batch.first_position(), error);
            for pending in &sub_batch.ids {
                // Only a panic leaves a request in flight: nobody knows how far it got.
                let outcome = if sub_batch.in_flight {
                    Outcome::Unknown
                } else {
                    pending.outcome
                };
                let note = if pending.note == NoteId::NONE {
                    unheard
                } else {
                    pending.note
                };
                ledger.report.record(pending.position, outcome, note);
            }
        }
    }

    /// Leaves the connection to later runs.
    pub(super) fn keep_connection(&mut self) {
        let Tools { system, idle, .. } = self.run.tools;
        if let Some(connection) = self.connection.take() {
            let limit = self.run.tools.limits.max_connections;
            idle.put(connection, limit, system.uptime());
        }
    }

    /// One attempt at the current request; none if the batch was left to others.
    fn attempt(&mut self) -> Result<Option<Attempted>, Stopped> {
        let mut resent = Resend::default();
        loop {
            let attempted = match self.make_ready()? {
                Ok(()) => self.exchange(),
                Err(failure) => {
                    if failure.kind == FailureKind::NoResources && self.leave_to_others() {
                        return Ok(None);
                    }
                    self.judge(&[], Err(&failure))
                }
            };
            // An answer that was abandoned did not fail on its own.
            if attempted.next == Next::Stop {
                self.run.control.check(self.run.tools.system.now())?;
            }
            // That is not counted as an attempt.
            if attempted.resend.is_new(&mut resent) && self.progress.spend(1) {
                continue;
            }
            return Ok(Some(attempted));
        }
    }

    /// Whether others took the batch over.
    fn leave_to_others(&mut self) -> bool {
        let progress = std::mem::take(&mut self.progress);
        let kept = self.run.queue.leave_to_others(progress);
        let has_left = kept.is_none();
        self.progress = kept.unwrap_or_default();
        has_left
    }

    /// Waits until a request may be sent, over a connection that is good for it; or says why there
    /// is none.
    fn make_ready(&mut self) -> Result<Result<(), Failure>, Stopped> {
        for _ in 0..MOST_CONNECTS {
            // A connection that had to wait for its turn could be closed meanwhile.
            let slot = self.await_turn()?;
            if self.has_good_connection() || self.take_idle_connection() {
                return Ok(Ok(()));
            }
            match self.connect() {
                Ok(connection) => self.connection = Some(connection),
                Err(failure) => {
                    // What the end of the run cut short did not fail on its own.
                    self.run.control.check(self.run.tools.system.now())?;
                    return Ok(Err(failure));
                }
            }
            if self.is_still_turn(slot)? && self.has_good_connection() {
                return Ok(Ok(()));
            }
        }
        Ok(Err(Failure {
            exposed: false,
            kind: FailureKind::Unreachable,
            message: "each new connection was closed, or carried bytes that nobody asked for, \
                      before a request was sent on it"
                .to_owned(),
        }))
    }

    /// Whether the worker's connection is good. One that is not is dropped: nothing was sent on it.
    fn has_good_connection(&mut self) -> bool {
        let uptime = self.run.tools.system.uptime();
        let is_bad = |connection: &mut Idle| !connection.is_good(uptime);
        drop(self.connection.take_if(is_bad));
        self.connection.is_some()
    }

    /// Takes over an idle connection of the client.
    fn take_idle_connection(&mut self) -> bool {
        let Tools { system, idle, .. } = self.run.tools;
        self.connection = idle.take(system.uptime());
        self.connection.is_some()
    }

    /// Waits for backoff, pause and rate limit.
    fn await_turn(&self) -> Result<Option<Slot>, Stopped> {
        let pace = self.run.tools.pace;
        let mut now = self.await_pause()?;
        if !pace.is_limited() {
            return Ok(None);
        }
        let _passage = Passage::enter(&self.run.rate_gate, self.run.tools.system);
        loop {
            match pace.take_slot(now) {
                Ok(slot) => return Ok(Some(slot)),
                Err(later) => self.wait(later),
            }
            now = self.await_pause()?;
        }
    }

    /// Waits for backoff and pause; what the clock says then.
    fn await_pause(&self) -> Result<Instant, Stopped> {
        let Tools { system, pace, .. } = self.run.tools;
        let control = &self.run.control;
        let current = self.progress.sub_batches.last();
        let not_before = current.and_then(|sub_batch| sub_batch.not_before);
        loop {
            let now = system.now();
            control.check(now)?;
            match not_before.max(pace.paused_until()) {
                Some(earliest) if earliest > now => {
                    if control
                        .deadline()
                        .is_some_and(|deadline| earliest >= deadline)
                    {
                        control.stop(Stop::DeadlinePassed);
                        return Err(Stopped);
                    }
                    self.wait(earliest);
                }
                _ => return Ok(now),
            }
        }
    }

    /// Whether a request may still go out after a connect.
    fn is_still_turn(&self, slot: Option<Slot>) -> Result<bool, Stopped> {
        let Tools { system, pace, .. } = self.run.tools;
        let now = system.now();
        self.run.control.check(now)?;
        Ok(pace.paused_until().is_none_or(|until| until <= now)
            && slot.is_none_or(|slot| !slot.is_over(now)))
    }

    /// Waits, unless the run ends before.
    fn wait(&self, until: Instant) {
        let control = &self.run.control;
        let until = control
            .deadline()
            .map_or(until, |deadline| deadline.min(until));
        self.run.tools.system.wait(until, &|| control.is_stopping());
    }

    fn connect(&self) -> Result<Idle, Failure> {
        let tools = self.run.tools;
        let timeout = tools.system.now() + tools.limits.connect_timeout;
        let deadline = self.run.control.deadline();
        let connection = tools.transport.connect(&Patience {
            deadline: deadline.map_or(timeout, |deadline| deadline.min(timeout)),
            interrupted: Arc::clone(&self.stopping),
        })?;
        Ok(Idle::new(connection, tools.system.uptime()))
    }

    /// Sends the current request and judges the answer.
    fn exchange(&mut self) -> Attempted {
        let run = self.run;
        let (Some(idle), Some(sub_batch)) =
            (self.connection.take(), self.progress.sub_batches.last_mut())
        else {
            return Attempted {
                next: Next::Leave,
                trouble: None,
                resend: Resend::default(),
            };
        };
        let mut connection = idle.into_connection();
        let ids: Vec<_> = sub_batch.ids.iter().map(|pending| pending.id).collect();
        let deletion = Deletion {
            user: self.progress.user,
            device: self.progress.device,
            ids: &ids,
        };
        let system = run.tools.system;
        let patience = Patience {
            deadline: system.now() + run.tools.limits.request_timeout,
            interrupted: Arc::clone(&self.abandoned),
        };
        sub_batch.in_flight = true;
        run.requests.fetch_add(1, Ordering::Relaxed);
        let result = run
            .tools
            .service
            .delete(&deletion, connection.as_mut(), &patience, system);
        let mut attempted = self.judge(&ids, result.as_ref());
        let mut trusted = false;
        if let Ok(answer) = &result {
            trusted = attempted
                .trouble
                .as_ref()
                .is_none_or(|trouble| trouble.error.kind != ErrorKind::BadAnswer);
            self.heed_retry_after(answer, &mut attempted);
        }
        if trusted {
            self.connection = Some(Idle::new(connection, system.uptime()));
        }
        attempted
    }

    /// Leaves the service alone for as long as it asks before the request is sent again. A run does
    /// not wait for longer than a minute: that would hold up the client's other runs.
    fn heed_retry_after(&self, answer: &Answer<'_>, attempted: &mut Attempted) {
        let sent_again = attempted.resend.is_possible()
            || matches!(attempted.next, Next::TryAgain | Next::Halve);
        let Some(pause) = answer.retry_after.filter(|_| sent_again) else {
            return;
        };
        let Tools { system, pace, .. } = self.run.tools;
        if pause <= LONGEST_PAUSE {
            return pace.pause(system.now(), pause);
        }
        if let Some(trouble) = &mut attempted.trouble {
            let error = &mut trouble.error;
            error.message += &format!(" (it asks for a pause of {} seconds)", pause.as_secs());
            error.retryable = true;
            self.run.control.stop(Stop::PauseTooLong(error.clone()));
        }
    }

    /// Judges an attempt at the current request: settled ids are recorded and leave it. `ids` are
    /// those that were sent, which only an answer is compared with.
    fn judge(&mut self, ids: &[&str], result: Result<&Answer<'_>, &Failure>) -> Attempted {
        let run = self.run;
        let judgement = judge(ids, result);
        let mut ledger = run.ledger();
        let silent = result.is_err();
        let common = judgement
            .trouble
            .as_ref()
            .map(|trouble| ledger.report.intern(trouble.note()));
        if let Some(sub_batch) = self.progress.sub_batches.last_mut() {
            // In place, so that a panic in here loses no id.
            for (place, pending) in sub_batch.ids.iter_mut().enumerate() {
                let fate = judgement.fate(place, pending.outcome);
                pending.outcome = fate.outcome;
                pending.settled = fate.settled;
                pending.record_message(&fate, common, silent, |note| ledger.report.intern(note));
                if fate.settled {
                    ledger
                        .report
                        .record(pending.position, pending.outcome, pending.note);
                }
            }
            sub_batch.in_flight = false;
            let tried = sub_batch.ids.len();
            sub_batch.ids.retain(|pending| !pending.settled);
            run.watch.add_done(tried - sub_batch.ids.len());
        }
        Attempted {
            next: judgement.next,
            trouble: judgement.trouble,
            resend: result.map_or(Resend::default(), |answer| Resend {
                clock_corrected: answer.clock_corrected,
                credentials_replaced: answer.credentials_replaced,
            }),
        }
    }

    /// What is to be done after an attempt.
    fn follow(&mut self, attempted: Attempted) {
        let run = self.run;
        let Some(error) = attempted.trouble.map(|trouble| trouble.error) else {
            run.health.succeeded();
            self.progress.sub_batches.pop();
            return;
        };
        match attempted.next {
            Next::TryAgain | Next::Stop => self.try_again(error),
            // What is split is not refused for good.
            Next::Halve if self.progress.halve() => {}
            Next::Halve => {
                self.count_refusal(&error);
                // Where others are left beside it, an id may be innocent.
                self.leave(&error, self.progress.stands_alone());
            }
            Next::Leave => {
                self.count_refusal(&error);
                self.leave(&error, false);
            }
            Next::Unauthorized => {
                run.control.stop(Stop::Unauthorized(error.clone()));
                self.leave(&error, false);
            }
        }
    }

    fn try_again(&mut self, error: Error) {
        let run = self.run;
        if !run.health.may_try_again() {
            run.control.stop(Stop::Hopeless(error.clone()));
        }
        let Some(sub_batch) = self.progress.sub_batches.last_mut() else {
            return;
        };
        sub_batch.failed_attempts += 1;
        let system = run.tools.system;
        let delay = backoff(sub_batch.failed_attempts, system.random());
        let not_before = system.now() + delay;
        // Other batches may still use the time that is left.
        let deadline = run.control.deadline();
        let is_too_late = deadline.is_some_and(|deadline| not_before >= deadline);
        if sub_batch.failed_attempts >= run.tools.limits.max_attempts || is_too_late {
            self.leave(&error, false);
            return;
        }
        sub_batch.not_before = Some(not_before);
        sub_batch.last_error = Some(error);
    }

    fn count_refusal(&self, error: &Error) {
        if error.http_status != Some(FORBIDDEN) && !self.run.health.may_go_on() {
            self.run.control.stop(Stop::Hopeless(error.clone()));
        }
    }

    /// Records the current request's ids as what they are; `for_good` if a next run would be told
    /// the same.
    fn leave(&mut self, error: &Error, for_good: bool) {
        let Some(sub_batch) = self.progress.sub_batches.pop() else {
            return;
        };
        let mut ledger = self.run.ledger();
        ledger.note_incomplete(sub_batch.first_position(), error);
        for pending in &sub_batch.ids {
            let note = match for_good {
                true => ledger.report.for_good(pending.note),
                false => pending.note,
            };
            ledger
                .report
                .record(pending.position, pending.outcome, note);
        }
        drop(ledger);
        self.run.watch.add_done(sub_batch.ids.len());
    }
}
