//! How a plan is carried out: workers take batches, send them and record what came back, and stop
//! when they must.

mod backoff;
mod control;
mod dispatch;
mod events;
mod follow_up;
mod health;
mod ledger;
mod pace;
mod query;
mod queue;
mod rate_limiter;
mod schedule;
mod sender;
mod sub_batch;
mod verdict;
mod worker;

use std::sync::{Mutex, MutexGuard};

use crate::config::Limits;
use crate::error::Error;
use crate::journal::{IntendedBatch, Journal, JournalEntry, Recovered, Settled};
use crate::monitor::Watch;
use crate::panic::catch;
use crate::plan::Plan;
use crate::report::{Note, NoteId, Outcome, Report};
use crate::service::{Attempt, Service, code};
use crate::sync::lock;
use crate::system::System;
use control::{Stop, Stopped};
use dispatch::Dispatch;
use ledger::Ledger;
pub(crate) use query::read_list;
use queue::{Queue, Work};
pub(crate) use rate_limiter::RateLimiter;
use schedule::Schedule;
use sub_batch::{BatchProgress, SubBatch};
use worker::{Ended, Worker};

/// What a run uses of its client.
#[derive(Clone, Copy)]
pub(crate) struct RunContext<'a> {
    pub(crate) service: &'a Service,
    pub(crate) system: &'a dyn System,
    pub(crate) rate_limiter: &'a RateLimiter,
    pub(crate) limits: &'a Limits,
}

/// Carries out a plan: its report, and why it is incomplete if it is.
pub(crate) fn execute(
    context: RunContext<'_>,
    plan: &Plan,
    default_user: &str,
    watch: &Watch<'_>,
    journal: Option<(&Journal, &Recovered)>,
) -> (Report, Option<Error>) {
    let is_settled = journal.map_or(&[][..], |(_, recovered)| &recovered.is_settled);
    let schedule = Schedule::new(plan, default_user, is_settled);
    let RunContext { system, limits, .. } = context;
    let run = Run {
        dispatch: Dispatch::new(context, watch.monitor()),
        schedule: &schedule,
        watch,
        queue: Queue::default(),
        journal: journal.map(|(journal, _)| journal),
        ledger: Mutex::new(Ledger::new(
            Report::new(plan, default_user),
            journal.is_some(),
        )),
    };
    run.record_duplicates();
    if let Some((_, recovered)) = journal {
        run.record_settled(&recovered.settled);
    }
    let workers = limits.max_connections.min(schedule.batch_count());
    if workers > 0 {
        system.run_workers(workers, &|| run.work());
    }
    run.finish()
}

/// One run, shared by its workers.
struct Run<'a> {
    dispatch: Dispatch<'a>,
    schedule: &'a Schedule<'a>,
    watch: &'a Watch<'a>,
    queue: Queue<'a>,
    journal: Option<&'a Journal>,
    ledger: Mutex<Ledger>,
}

impl<'a> Run<'a> {
    fn record_duplicates(&self) {
        let report = &mut self.ledger().report;
        for duplicate in &self.schedule.duplicates {
            let message = format!("repeats the id at index {}", duplicate.original);
            let note = report.intern(Note {
                permanent: true,
                code: Some(code::DUPLICATE),
                message: Some(&message),
            });
            report.record(duplicate.position, Outcome::Duplicate, note);
        }
        for position in &self.schedule.tried_as_duplicates {
            report.record(*position, Outcome::before_run(true), NoteId::NONE);
        }
        self.watch.add_done(self.schedule.duplicates.len());
    }

    /// What an earlier run of the journal settled.
    fn record_settled(&self, groups: &[Settled]) {
        let report = &mut self.ledger().report;
        for settled in groups {
            let note = report.intern(Note {
                permanent: true,
                code: settled.code.as_deref(),
                message: settled.message.as_deref(),
            });
            for position in &settled.positions {
                report.record(*position, settled.outcome, note);
            }
            self.watch.add_done(settled.positions.len());
        }
    }

    /// A worker's life. Panics end here: they stop the run, and the report says what is true.
    fn work(&self) {
        let mut worker = Worker::new(self);
        self.queue.join();
        while let Some(work) = self.queue.take_or_leave(self.schedule.batch_count()) {
            if let Some(progress) = self.progress(work) {
                match catch(|| worker.execute(progress)) {
                    Ok(Ended::Done) => {}
                    Ok(Ended::LeftToOthers) => return,
                    Err(_) => {
                        self.dispatch.control.stop(Stop::Panicked);
                        worker.give_up();
                    }
                }
            }
            self.queue.finish();
        }
        let _ = catch(|| worker.close());
    }

    /// What there is to do; of what nobody began, nothing if the run is stopped.
    fn progress(&self, work: Work<'a>) -> Option<BatchProgress<'a>> {
        let index = match work {
            Work::Begin(index) => index,
            Work::GoOn(progress) => return Some(progress),
        };
        let schedule = self.schedule;
        let batch = schedule.batch(index)?;
        if self.dispatch.check().is_err() {
            let stop = self.dispatch.stop_error();
            let is_intended = self
                .journal
                .is_some_and(|journal| journal.is_intended(index));
            self.write_down(index, None, |ledger| {
                ledger.leave_untouched(batch.positions, &stop, is_intended);
            });
            return None;
        }
        Some(BatchProgress::new(index, batch, schedule))
    }

    /// Records what an attempt to send a request of a batch came to: settled ids leave it.
    fn record(&self, index: usize, sub_batch: &mut SubBatch<'_>, attempt: &Attempt<'_>) {
        let tried = sub_batch.ids.len();
        self.write_down(index, Some(attempt), |ledger| {
            ledger.record(sub_batch, attempt)
        });
        self.watch.add_done(tried - sub_batch.ids.len());
    }

    /// Changes what is known of a batch's ids, and tells the journal.
    fn write_down(
        &self,
        index: usize,
        attempt: Option<&Attempt<'_>>,
        change: impl FnOnce(&mut Ledger),
    ) {
        let Some(journal) = self.journal else {
            return change(&mut self.ledger());
        };
        let now = self.dispatch.context.system.wall_clock();
        let mut ledger = self.ledger();
        change(&mut ledger);
        let written = ledger.tell(|outcomes| {
            let entry = JournalEntry {
                batch: index,
                status: attempt.and_then(|attempt| attempt.status),
                request_id: attempt.and_then(|attempt| attempt.request_id.as_deref()),
                outcomes,
            };
            journal.record(&entry, now)
        });
        drop(ledger);
        if let Err(error) = written {
            self.dispatch.control.stop(Stop::Journal(error));
        }
    }

    /// Returns when it is on the disk that a batch may be sent.
    fn intend(&self, index: usize) -> Result<(), Stopped> {
        let Some(journal) = self.journal else {
            return Ok(());
        };
        let RunContext { system, limits, .. } = self.dispatch.context;
        self.dispatch.check()?;
        let batch = |index| {
            let batch = self.schedule.batch(index)?;
            Some(IntendedBatch {
                user: batch.user,
                device: batch.device,
                positions: batch.positions,
                ids: batch
                    .positions
                    .iter()
                    .map(|position| self.schedule.id(*position))
                    .collect(),
            })
        };
        journal
            .intend(index, limits.max_connections, system, batch)
            .map_err(|error| {
                self.dispatch.control.stop(Stop::Journal(error));
                Stopped
            })
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Says how the run ended.
    fn finish(self) -> (Report, Option<Error>) {
        if let Some(Err(error)) = self.journal.map(Journal::finish) {
            self.dispatch.control.stop(Stop::Journal(error));
        }
        let stop = self.dispatch.control.reason();
        let requests = self.watch.monitor().requests_sent() as usize;
        let ledger = self
            .ledger
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let (mut report, first_error) = ledger.into_parts();
        report.request_count = requests;
        let error = match (first_error, stop) {
            (Some(_), Some(stop)) if stop.outranks_causes() => Some(stop.error()),
            // All is done, but a next run would not know it.
            (None, Some(Stop::Journal(error))) => Some(error),
            (first, _) => first,
        };
        let error = error.map(|error| with_tally(error, &report));
        (report, error)
    }
}

/// Says in words what is left, for a message is often all that a log holds.
fn with_tally(mut error: Error, report: &Report) -> Error {
    let count = |outcome: Outcome| report.tally(outcome as i32);
    error.message += &format!(
        " (of {} ids: {} not sent, {} rejected, {} unknown)",
        report.count(),
        count(Outcome::NotSent),
        count(Outcome::Rejected),
        count(Outcome::Unknown),
    );
    error
}
