//! One worker: it carries out batch after batch on a connection of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use super::control::{Stop, Stopped};
use super::retry::backoff;
use super::verdict::{Fate, Next, Trouble, judge};
use super::{NoteId, Outcome, Run, Tools};
use crate::error::{Error, ErrorKind};
use crate::plan::Batch;
use crate::report::Note;
use crate::service::{Answer, Deletion};
use crate::transport::{Failure, Idle, Patience};

/// How many requests halving may spend on one batch: enough to corner two bad ids of 100.
const HALVING_BUDGET: u32 = 30;

/// The service refuses this user, which says nothing on the others.
const FORBIDDEN: u16 = 403;

type Interrupted = Arc<dyn Fn() -> bool + Send + Sync>;

pub(super) struct Worker<'r> {
    run: &'r Run<'r>,
    connection: Option<Idle>,
    stopping: Interrupted,
    abandoned: Interrupted,
    user: &'r str,
    device: &'r str,
    /// The batch, or what halving made of it; the last is next. They outlive a panic, so that
    /// their ids can still be accounted for.
    parts: Vec<Part<'r>>,
    halving_budget: u32,
}

/// Ids that travel in one request.
struct Part<'r> {
    ids: Vec<Tracked<'r>>,
    failed_attempts: u32,
    not_before: Option<Instant>,
    last_error: Option<Error>,
    /// From before a request leaves until its answer is judged.
    in_flight: bool,
}

/// An id without its final outcome.
#[derive(Clone, Copy)]
struct Tracked<'r> {
    position: u32,
    id: &'r str,
    outcome: Outcome,
    settled: bool,
    note: NoteId,
    /// Whether the note holds words of the service, which silence does not overwrite.
    heard: bool,
}

impl<'r> Worker<'r> {
    pub(super) fn new(run: &'r Run<'r>) -> Self {
        let (stopping, abandoned) = (Arc::clone(&run.control), Arc::clone(&run.control));
        Self {
            run,
            connection: None,
            stopping: Arc::new(move || stopping.is_stopping()),
            abandoned: Arc::new(move || abandoned.is_abandoned()),
            user: "",
            device: "",
            parts: Vec::new(),
            halving_budget: 0,
        }
    }

    /// Brings a batch to its end: every id is recorded.
    pub(super) fn carry_out(&mut self, batch: Batch<'r>) {
        let tracked = |position: &u32| Tracked {
            position: *position,
            id: self.run.schedule.id(*position),
            outcome: Outcome::NotSent,
            settled: false,
            note: NoteId::NONE,
            heard: false,
        };
        self.user = batch.user;
        self.device = batch.device;
        self.halving_budget = HALVING_BUDGET;
        self.parts.push(Part {
            ids: batch.positions.iter().map(tracked).collect(),
            failed_attempts: 0,
            not_before: None,
            last_error: None,
            in_flight: false,
        });
        while !self.parts.is_empty() {
            if let Err(Stopped) = self.attempt() {
                self.give_up();
            }
        }
    }

    /// The run is stopped: records the ids that are left as what they are.
    pub(super) fn give_up(&mut self) {
        let stop = self.run.control.reason().unwrap_or(Stop::Panicked).error();
        let mut ledger = self.run.ledger();
        let unheard = ledger.report.intern(Note {
            message: Some(&stop.message),
            ..Note::default()
        });
        for part in self.parts.drain(..) {
            let error = part.last_error.as_ref().unwrap_or(&stop);
            for tracked in &part.ids {
                // Only a panic leaves a part in flight: nobody knows how far it got.
                let outcome = if part.in_flight {
                    Outcome::Unknown
                } else {
                    tracked.outcome
                };
                let note = if tracked.note == NoteId::NONE {
                    unheard
                } else {
                    tracked.note
                };
                ledger.report.record(tracked.position, outcome, note);
                ledger.note_incomplete(tracked.position, error);
            }
        }
    }

    /// Leaves the connection to later runs.
    pub(super) fn keep_connection(&mut self) {
        let Tools { system, idle, .. } = self.run.tools;
        if let Some(connection) = self.connection.take() {
            let limit = self.run.tools.limits.max_connections;
            idle.put(connection, limit, system.now(), system.wall_clock());
        }
    }

    /// One attempt at the current part, with all that follows from it.
    fn attempt(&mut self) -> Result<(), Stopped> {
        let mut clock_corrected = false;
        loop {
            let (next, trouble, again_at_once) = match self.make_ready()? {
                Ok(wall_clock) => self.exchange(wall_clock),
                Err(failure) => {
                    let (next, trouble) = self.judge(&[], Err(&failure));
                    (next, trouble, false)
                }
            };
            // An answer that was abandoned did not fail on its own.
            if next == Next::Stop {
                self.run.control.check(self.run.tools.system.now())?;
            }
            // Once a request, and not an attempt: the clock was wrong, not the request.
            if again_at_once && !clock_corrected {
                clock_corrected = true;
                continue;
            }
            self.follow(next, trouble);
            return Ok(());
        }
    }

    /// Waits until the part may be sent, over a connection that is good for it. The wall clock at
    /// that moment; or why there is no connection.
    fn make_ready(&mut self) -> Result<Result<SystemTime, Failure>, Stopped> {
        let tools = self.run.tools;
        loop {
            let (now, wall_clock) = self.await_turn()?;
            let is_good = |connection: &mut Idle| connection.is_good(now, wall_clock);
            if !self.connection.as_mut().is_some_and(is_good) {
                self.connection = tools.idle.take(now, wall_clock);
            }
            if self.connection.is_none() {
                match self.connect() {
                    Ok(connection) => self.connection = Some(connection),
                    Err(failure) => {
                        // What the end of the run cut short did not fail on its own.
                        self.run.control.check(tools.system.now())?;
                        return Ok(Err(failure));
                    }
                }
                // Meanwhile a pause may have begun.
                continue;
            }
            match tools.pace.take(now) {
                Ok(()) => return Ok(Ok(wall_clock)),
                Err(later) => self.wait(later)?,
            }
        }
    }

    /// Waits for backoff and pause. What both clocks say then.
    fn await_turn(&self) -> Result<(Instant, SystemTime), Stopped> {
        let tools = self.run.tools;
        let not_before = self.parts.last().and_then(|part| part.not_before);
        loop {
            let (now, wall_clock) = (tools.system.now(), tools.system.wall_clock());
            self.run.control.check(now)?;
            match not_before.max(tools.pace.paused_until()) {
                Some(earliest) if earliest > now => self.wait(earliest)?,
                _ => return Ok((now, wall_clock)),
            }
        }
    }

    /// Waits, unless the run ends before.
    fn wait(&self, until: Instant) -> Result<(), Stopped> {
        let control = &self.run.control;
        if control.deadline().is_some_and(|deadline| until >= deadline) {
            control.stop(Stop::DeadlinePassed);
            return Err(Stopped);
        }
        let system = self.run.tools.system;
        system.wait(until, &|| control.is_stopping());
        Ok(())
    }

    fn connect(&self) -> Result<Idle, Failure> {
        let tools = self.run.tools;
        let timeout = tools.system.now() + tools.limits.connect_timeout;
        let deadline = self.run.control.deadline();
        let connection = tools.transport.connect(&Patience {
            deadline: deadline.map_or(timeout, |deadline| deadline.min(timeout)),
            interrupted: Arc::clone(&self.stopping),
        })?;
        Ok(Idle::opened(connection, tools.system))
    }

    /// Sends the part and judges the answer; whether to send it again at once, for now the clock
    /// is right.
    fn exchange(&mut self, wall_clock: SystemTime) -> (Next, Option<Trouble>, bool) {
        let run = self.run;
        let (Some(idle), Some(part)) = (self.connection.take(), self.parts.last_mut()) else {
            return (Next::Leave, None, false);
        };
        let mut connection = idle.into_connection();
        let ids: Vec<_> = part.ids.iter().map(|tracked| tracked.id).collect();
        let deletion = Deletion {
            user: self.user,
            device: self.device,
            ids: &ids,
        };
        let patience = Patience {
            deadline: run.tools.system.now() + run.tools.limits.request_timeout,
            interrupted: Arc::clone(&self.abandoned),
        };
        part.in_flight = true;
        run.requests.fetch_add(1, Ordering::Relaxed);
        let system = run.tools.system;
        let result = run.tools.service.delete(
            &deletion,
            connection.as_mut(),
            &patience,
            wall_clock,
            system,
        );
        let (next, trouble) = self.judge(&ids, result.as_ref());
        let mut again_at_once = false;
        let mut trusted = false;
        if let Ok(answer) = &result {
            again_at_once = answer.clock_corrected;
            trusted = trouble
                .as_ref()
                .is_none_or(|trouble| trouble.error.kind != ErrorKind::BadAnswer);
            let sent_again = again_at_once || matches!(next, Next::TryAgain | Next::Halve);
            if let Some(pause) = answer.retry_after.filter(|_| sent_again) {
                run.tools.pace.pause(system.now(), pause);
            }
        }
        if trusted {
            self.connection = Some(Idle::used(connection, system));
        }
        (next, trouble, again_at_once)
    }

    /// Judges an attempt at the current part: settled ids are recorded and leave it. `ids` are the
    /// part's, which only an answer is compared with.
    fn judge(
        &mut self,
        ids: &[&str],
        result: Result<&Answer<'_>, &Failure>,
    ) -> (Next, Option<Trouble>) {
        let run = self.run;
        let Some(part) = self.parts.last_mut() else {
            return (Next::Leave, None);
        };
        let judgement = judge(ids, result);
        let mut ledger = run.ledger();
        let silent = result.is_err();
        let common = judgement
            .trouble
            .as_ref()
            .map(|trouble| ledger.report.intern(trouble.note()));
        // In place, so that a panic in here loses no id.
        for (place, tracked) in part.ids.iter_mut().enumerate() {
            let fate = judgement.fate(place, tracked.outcome);
            tracked.outcome = fate.outcome;
            tracked.settled = fate.settled;
            tracked.hear(&fate, common, silent, |note| ledger.report.intern(note));
            if fate.settled {
                ledger
                    .report
                    .record(tracked.position, tracked.outcome, tracked.note);
            }
        }
        part.in_flight = false;
        let tried = part.ids.len();
        part.ids.retain(|tracked| !tracked.settled);
        run.watch.add_done(tried - part.ids.len());
        (judgement.next, judgement.trouble)
    }

    /// What is to be done after an attempt.
    fn follow(&mut self, next: Next, trouble: Option<Trouble>) {
        let run = self.run;
        let Some(error) = trouble.map(|trouble| trouble.error) else {
            run.health.succeeded();
            self.parts.pop();
            return;
        };
        match next {
            Next::TryAgain | Next::Stop => self.try_again(error),
            // What is split is not refused for good.
            Next::Halve if self.halve() => {}
            Next::Leave | Next::Halve => {
                self.count_refusal(&error);
                let for_good = match next {
                    // Where others are left beside it, an id may be innocent.
                    Next::Halve => self.stands_alone(),
                    _ => error.http_status != Some(FORBIDDEN),
                };
                self.leave(&error, for_good);
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
        let Some(part) = self.parts.last_mut() else {
            return;
        };
        part.failed_attempts += 1;
        if part.failed_attempts >= run.tools.limits.max_attempts {
            self.leave(&error, false);
            return;
        }
        let system = run.tools.system;
        let delay = backoff(part.failed_attempts, system.random());
        part.not_before = Some(system.now() + delay);
        part.last_error = Some(error);
    }

    fn count_refusal(&self, error: &Error) {
        if error.http_status != Some(FORBIDDEN) && !self.run.health.may_go_on() {
            self.run.control.stop(Stop::Hopeless(error.clone()));
        }
    }

    fn stands_alone(&self) -> bool {
        self.parts.last().is_none_or(|part| part.ids.len() <= 1)
    }

    /// Splits the current part in two, if there are two ids and requests to spend.
    fn halve(&mut self) -> bool {
        if self.stands_alone() || self.halving_budget < 2 {
            return false;
        }
        self.halving_budget -= 2;
        let Some(mut first) = self.parts.pop() else {
            return false;
        };
        let second = Part {
            ids: first.ids.split_off(first.ids.len() / 2),
            last_error: first.last_error.clone(),
            ..first
        };
        self.parts.extend([second, first]);
        true
    }

    /// Records the current part's ids as what they are; `for_good` if a next run would be told the
    /// same.
    fn leave(&mut self, error: &Error, for_good: bool) {
        let Some(part) = self.parts.pop() else {
            return;
        };
        let mut ledger = self.run.ledger();
        for tracked in &part.ids {
            let note = match for_good {
                true => ledger.report.for_good(tracked.note),
                false => tracked.note,
            };
            ledger
                .report
                .record(tracked.position, tracked.outcome, note);
            ledger.note_incomplete(tracked.position, error);
        }
        drop(ledger);
        self.run.watch.add_done(part.ids.len());
    }
}

impl Tracked<'_> {
    /// Keeps what was said last: of this id, or else of the whole request.
    fn hear(
        &mut self,
        fate: &Fate<'_>,
        common: Option<NoteId>,
        silent: bool,
        mut intern: impl FnMut(Note<'_>) -> NoteId,
    ) {
        if let Some(note) = fate.note {
            self.note = intern(note);
            self.heard = true;
        } else if fate.settled {
            self.note = NoteId::NONE;
        } else if let Some(common) = common.filter(|_| !(silent && self.heard)) {
            self.note = common;
            self.heard = !silent;
        }
    }
}
