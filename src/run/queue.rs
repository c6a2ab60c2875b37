//! What is left to do in a run, shared by its workers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use super::sub_batch::BatchProgress;
use crate::sync::lock;

/// Batches that nobody has begun, and those that a worker had to leave to others.
#[derive(Default)]
pub(super) struct Queue<'r>(Mutex<State<'r>>);

#[derive(Default)]
struct State<'r> {
    /// Of those that nobody has begun.
    next_batch: usize,
    /// The first has waited longest.
    handed_back: VecDeque<BatchProgress<'r>>,
    finished: usize,
    /// How many will come for more.
    workers: usize,
}

/// What a worker takes.
pub(super) enum Work<'r> {
    /// The batch with this number.
    Begin(usize),
    GoOn(BatchProgress<'r>),
}

impl<'r> Queue<'r> {
    /// One more worker takes from the queue.
    pub(super) fn join(&self) {
        self.lock().workers += 1;
    }

    /// The next of `batches`; or none, and the worker has left.
    pub(super) fn take_or_leave(&self, batches: usize) -> Option<Work<'r>> {
        let mut state = self.lock();
        let work = state.go_on().or_else(|| state.begin(batches));
        if work.is_none() {
            state.workers -= 1;
        }
        work
    }

    /// Takes a batch back from a worker that can't go on, and the worker has left; but the last one
    /// keeps it.
    pub(super) fn leave_to_others(&self, progress: BatchProgress<'r>) -> Option<BatchProgress<'r>> {
        let mut state = self.lock();
        if state.workers <= 1 {
            return Some(progress);
        }
        state.workers -= 1;
        state.handed_back.push_back(progress);
        None
    }

    /// A batch that was taken has come to its end.
    pub(super) fn finish(&self) {
        self.lock().finished += 1;
    }

    /// Whether all of `batches` but one have come to their end.
    pub(super) fn has_one_left(&self, batches: usize) -> bool {
        self.lock().finished + 1 >= batches
    }

    /// Takes another batch in place of this one, which is put back: one of `batches` that nobody has begun,
    /// or else the one that waits longest. Gives it back if there is none.
    pub(super) fn exchange(
        &self,
        progress: BatchProgress<'r>,
        batches: usize,
    ) -> Result<Work<'r>, BatchProgress<'r>> {
        let mut state = self.lock();
        match state.begin(batches).or_else(|| state.go_on()) {
            Some(other) => {
                state.handed_back.push_back(progress);
                Ok(other)
            }
            None => Err(progress),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<'r>> {
        lock(&self.0)
    }
}

impl<'r> State<'r> {
    /// The next of `batches` that nobody has begun.
    fn begin(&mut self, batches: usize) -> Option<Work<'r>> {
        let next = self.next_batch;
        (next < batches).then(|| {
            self.next_batch += 1;
            Work::Begin(next)
        })
    }

    /// The one that waits longest of those that were begun.
    fn go_on(&mut self) -> Option<Work<'r>> {
        self.handed_back.pop_front().map(Work::GoOn)
    }
}
