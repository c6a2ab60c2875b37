//! How a plan is carried out: workers take batches, send and judge them, and stop when they must.

mod control;
mod pace;
mod retry;
mod verdict;
mod worker;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::config::Limits;
use crate::error::Error;
use crate::monitor::Watch;
use crate::panic::catch;
use crate::plan::{Plan, Schedule};
use crate::report::{Note, NoteId, Outcome, Report};
use crate::service::{Service, code};
use crate::system::System;
use crate::transport::{IdleConnections, Transport};
use control::{Control, Stop};
pub(crate) use pace::Pace;
use retry::Health;

/// What a run uses of its client.
#[derive(Clone, Copy)]
pub(crate) struct Tools<'a> {
    pub(crate) service: &'a Service,
    pub(crate) transport: &'a dyn Transport,
    pub(crate) system: &'a dyn System,
    pub(crate) idle: &'a IdleConnections,
    pub(crate) pace: &'a Pace,
    pub(crate) limits: &'a Limits,
}

/// Carries out a plan: its report, and why it is incomplete if it is.
pub(crate) fn carry_out(
    tools: Tools<'_>,
    plan: &Plan,
    default_user: &str,
    watch: &Watch<'_>,
) -> (Report, Option<Error>) {
    let schedule = Schedule::new(plan, default_user);
    let deadline = tools
        .limits
        .run_timeout
        .map(|timeout| tools.system.now() + timeout);
    let run = Run {
        tools,
        schedule: &schedule,
        watch,
        control: Arc::new(Control::new(watch.monitor().clone(), deadline)),
        health: Health::new(),
        next_batch: AtomicUsize::new(0),
        requests: AtomicUsize::new(0),
        ledger: Mutex::new(Ledger {
            report: Report::new(plan, default_user),
            incomplete: None,
        }),
    };
    run.record_repeats();
    let workers = tools.limits.max_connections.min(schedule.batch_count());
    if workers > 0 {
        tools.system.run_workers(workers, &|| run.work());
    }
    run.finish()
}

/// One run, shared by its workers.
struct Run<'a> {
    tools: Tools<'a>,
    schedule: &'a Schedule<'a>,
    watch: &'a Watch<'a>,
    control: Arc<Control>,
    health: Health,
    next_batch: AtomicUsize,
    requests: AtomicUsize,
    ledger: Mutex<Ledger>,
}

/// What is known so far.
struct Ledger {
    report: Report,
    /// The lowest position without an outcome of its own, and why.
    incomplete: Option<(u32, Error)>,
}

impl Ledger {
    fn note_incomplete(&mut self, position: u32, error: &Error) {
        let lowest = self.incomplete.as_ref().map(|(lowest, _)| *lowest);
        if lowest.is_none_or(|lowest| position < lowest) {
            self.incomplete = Some((position, error.clone()));
        }
    }
}

impl Run<'_> {
    fn record_repeats(&self) {
        let mut ledger = self.ledger();
        for repeat in &self.schedule.repeats {
            let message = format!("repeats the id at index {}", repeat.original);
            let note = ledger.report.intern(Note {
                for_good: true,
                code: Some(code::REPEATED),
                message: Some(&message),
            });
            ledger
                .report
                .record(repeat.position, Outcome::Repeated, note);
        }
        self.watch.add_done(self.schedule.repeats.len());
    }

    /// A worker's life. Panics end here: they stop the run, and the report says what is true.
    fn work(&self) {
        let mut worker = worker::Worker::new(self);
        while let Some(batch) = self.take_batch() {
            if catch(|| worker.carry_out(batch)).is_err() {
                self.control.stop(Stop::Panicked);
                worker.give_up();
            }
        }
        let _ = catch(|| worker.keep_connection());
    }

    /// The next batch, while there is one and nothing stops the run.
    fn take_batch(&self) -> Option<crate::plan::Batch<'_>> {
        if self.next_batch.load(Ordering::Relaxed) >= self.schedule.batch_count() {
            return None;
        }
        self.control.check(self.tools.system.now()).ok()?;
        self.schedule
            .batch(self.next_batch.fetch_add(1, Ordering::Relaxed))
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Accounts for what was never taken up, and says how the run ended.
    fn finish(self) -> (Report, Option<Error>) {
        let stop = self.control.reason();
        let mut ledger = self
            .ledger
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let taken = self.next_batch.into_inner();
        if let Some(stop) = &stop {
            let error = stop.error();
            let note = ledger.report.intern(Note {
                message: Some(&error.message),
                ..Note::default()
            });
            let untaken = (taken..).map_while(|index| self.schedule.batch(index));
            for position in untaken.flat_map(|batch| batch.positions) {
                ledger.report.record(*position, Outcome::NotSent, note);
                ledger.note_incomplete(*position, &error);
            }
        }
        ledger.report.request_count = self.requests.into_inner();
        let error = ledger.incomplete.map(|(_, first)| match stop {
            Some(stop) if stop.outranks_causes() => stop.error(),
            _ => first,
        });
        let error = error.map(|error| with_tally(error, &ledger.report));
        (ledger.report, error)
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
