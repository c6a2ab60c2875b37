//! How a plan is carried out: workers take batches, send and judge them, and stop when they must.

mod control;
mod pace;
mod queue;
mod retry;
mod sub_batch;
mod verdict;
mod worker;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::config::Limits;
use crate::error::Error;
use crate::monitor::Watch;
use crate::panic::catch;
use crate::plan::{Batch, Plan, Schedule};
use crate::report::{Note, NoteId, Outcome, Report};
use crate::service::{Service, code};
use crate::system::{Gate, System};
use crate::transport::{IdleConnections, Transport};
use control::{Control, Stop};
pub(crate) use pace::Pace;
use queue::{Queue, Work};
use retry::Health;
use sub_batch::BatchProgress;
use worker::Ended;

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
        queue: Queue::default(),
        rate_gate: Gate::default(),
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
    queue: Queue<'a>,
    /// Of the workers that wait for the rate limit one looks at the clock.
    rate_gate: Gate,
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
    /// Ids end without an outcome of their own, `first` before the others.
    fn note_incomplete(&mut self, first: Option<u32>, error: &Error) {
        let lowest = self.incomplete.as_ref().map(|(lowest, _)| *lowest);
        if let Some(first) = first.filter(|first| lowest.is_none_or(|lowest| *first < lowest)) {
            self.incomplete = Some((first, error.clone()));
        }
    }

    /// What to say of ids of which nothing else is known than that the run was stopped.
    fn unheard(&mut self, stop: &Error) -> NoteId {
        self.report.intern(Note {
            message: Some(&stop.message),
            ..Note::default()
        })
    }
}

impl<'a> Run<'a> {
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
        self.queue.join();
        while let Some(work) = self.queue.take_or_leave(self.schedule.batch_count()) {
            let Some(progress) = self.progress(work) else {
                continue;
            };
            match catch(|| worker.carry_out(progress)) {
                Ok(Ended::Done) => {}
                Ok(Ended::LeftToOthers) => return,
                Err(_) => {
                    self.control.stop(Stop::Panicked);
                    worker.give_up();
                }
            }
        }
        let _ = catch(|| worker.keep_connection());
    }

    /// What there is to do; of what nobody began, nothing if the run is stopped.
    fn progress(&self, work: Work<'a>) -> Option<BatchProgress<'a>> {
        match work {
            Work::GoOn(progress) => Some(progress),
            Work::Begin(index) => {
                let schedule = self.schedule;
                let batch = schedule.batch(index)?;
                if self.control.check(self.tools.system.now()).is_err() {
                    self.leave_untouched(batch);
                    return None;
                }
                let id = |position| schedule.id(position);
                Some(BatchProgress::new(batch, id))
            }
        }
    }

    fn leave_untouched(&self, batch: Batch<'_>) {
        let stop = self.stop_error();
        let mut ledger = self.ledger();
        let note = ledger.unheard(&stop);
        for position in batch.positions {
            ledger.report.record(*position, Outcome::NotSent, note);
        }
        ledger.note_incomplete(batch.positions.first().copied(), &stop);
    }

    fn stop_error(&self) -> Error {
        self.control.reason().unwrap_or(Stop::Panicked).error()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Says how the run ended.
    fn finish(self) -> (Report, Option<Error>) {
        let stop = self.control.reason();
        let mut ledger = self
            .ledger
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
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
