//! Blocking calls of the system that can't be interrupted: a name's look-up, the reading of
//! certificates. Each runs on a thread of its own, and a caller whose deadline passes leaves it behind.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::context::CallContext;
use crate::sync::lock;
use crate::system::{TICK, spawn_thread};

/// A blocking call that several callers may wait for: at most one is under way.
#[derive(Debug)]
pub(super) struct SharedCall<T>(Mutex<Option<Arc<BlockingCall<T>>>>);

/// One blocking call.
#[derive(Debug)]
struct BlockingCall<T> {
    /// The process that made it: its threads do not exist in a forked child.
    process: u32,
    finished: Mutex<Option<Finished<T>>>,
    changed: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What a call came to.
#[derive(Clone, Debug)]
pub(super) struct Finished<T> {
    pub(super) value: T,
    pub(super) begun: Instant,
    pub(super) ended: Instant,
}

impl<T> Default for SharedCall<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> SharedCall<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone + Send + 'static> SharedCall<T> {
    /// Waits for the call that is under way, or else for `call`, begun now. None where the context
    /// ended first. What is returned may have ended before this was asked for.
    pub(super) fn wait(
        &self,
        context: &CallContext,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Option<Finished<T>>> {
        let under_way = self.join_or_begin(call)?;
        let finished = under_way.wait(context);
        if finished.is_some() {
            self.forget(&under_way);
            under_way.join();
        }
        Ok(finished)
    }

    fn join_or_begin(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Arc<BlockingCall<T>>> {
        let mut current = lock(&self.0);
        match current.as_ref().filter(|call| call.is_ours()) {
            Some(under_way) => Ok(Arc::clone(under_way)),
            None => Ok(Arc::clone(current.insert(BlockingCall::begin(call)?))),
        }
    }

    fn forget(&self, call: &Arc<BlockingCall<T>>) {
        let mut current = lock(&self.0);
        if current
            .as_ref()
            .is_some_and(|other| Arc::ptr_eq(other, call))
        {
            *current = None;
        }
    }
}

impl<T: Clone + Send + 'static> BlockingCall<T> {
    fn begin(call: impl FnOnce() -> T + Send + 'static) -> io::Result<Arc<Self>> {
        let this = Arc::new(Self {
            process: std::process::id(),
            finished: Mutex::new(None),
            changed: Condvar::new(),
            thread: Mutex::new(None),
        });
        let of_thread = Arc::clone(&this);
        let begun = Instant::now();
        let thread = spawn_thread(move || {
            let value = call();
            let ended = Instant::now();
            *lock(&of_thread.finished) = Some(Finished {
                value,
                begun,
                ended,
            });
            of_thread.changed.notify_all();
        })?;
        *lock(&this.thread) = Some(thread);
        Ok(this)
    }

    fn wait(&self, context: &CallContext) -> Option<Finished<T>> {
        let mut finished = lock(&self.finished);
        while finished.is_none() && context.exhausted().is_none() {
            finished = match self.changed.wait_timeout(finished, TICK) {
                Ok((finished, _)) => finished,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        finished.clone()
    }
}

impl<T> BlockingCall<T> {
    fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// Waits for the thread of a call that has ended, so that no thread outlives its callers. It
    /// takes no time.
    fn join(&self) {
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl<T> Drop for BlockingCall<T> {
    fn drop(&mut self) {
        // In a forked child the handle names no thread, or by now one of the host's: it must be
        // neither joined nor detached.
        if !self.is_ours() {
            std::mem::forget(lock(&self.thread).take());
        }
    }
}
