//! What a run needs of the machine: time, waiting, threads and randomness. A simulation puts its own
//! in place. No lock may be held across a call of it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::platform::{self, without_signals};
use crate::sync::lock;

/// Time, waiting, spawning and randomness.
pub trait System: Send + Sync {
    /// The monotonic clock, for deadlines.
    fn now(&self) -> Instant;

    /// The wall clock, which may be wrong and may jump.
    fn wall_clock(&self) -> SystemTime;

    /// A monotonic clock that goes on while the machine sleeps, as that of the other side does.
    fn uptime(&self) -> Duration;

    /// Waits until `until`, or until `interrupted` says so.
    fn wait(&self, until: Instant, interrupted: &dyn Fn() -> bool);

    /// Waits for the calling thread's turn, and enters the gate; to be used through [`Passage`].
    fn enter(&self, gate: &Gate);

    /// Leaves the gate to the next.
    fn leave(&self, gate: &Gate);

    /// A random number, evenly distributed.
    fn random(&self) -> u64;

    /// Runs `work` on the calling thread and on up to `count - 1` more, and returns when all have
    /// ended. `work` does not panic. Where a thread can't be started, there are fewer.
    fn run_workers(&self, count: usize, work: &(dyn Fn() + Sync));
}

/// Lets one thread in at a time, in the order in which they came; the others sleep.
#[derive(Debug, Default)]
pub struct Gate(Mutex<Line>);

#[derive(Debug, Default)]
struct Line {
    is_taken: bool,
    waiting: VecDeque<Arc<Ticket>>,
}

/// A place in the line before a gate.
#[derive(Debug, Default)]
pub struct Ticket {
    is_admitted: Mutex<bool>,
    admitted: Condvar,
}

impl Gate {
    /// Stands in line.
    pub fn stand_in_line(&self) -> Arc<Ticket> {
        let ticket = Arc::<Ticket>::default();
        let mut line = lock(&self.0);
        if line.is_taken {
            line.waiting.push_back(Arc::clone(&ticket));
        } else {
            line.is_taken = true;
            ticket.admit();
        }
        ticket
    }

    /// Leaves, and admits the next.
    pub fn leave(&self) {
        let mut line = lock(&self.0);
        match line.waiting.pop_front() {
            Some(next) => next.admit(),
            None => line.is_taken = false,
        }
    }
}

impl Ticket {
    /// Whether its holder is inside.
    pub fn is_admitted(&self) -> bool {
        *lock(&self.is_admitted)
    }

    fn admit(&self) {
        *lock(&self.is_admitted) = true;
        self.admitted.notify_one();
    }

    fn wait(&self) {
        let mut is_admitted = lock(&self.is_admitted);
        while !*is_admitted {
            is_admitted = self
                .admitted
                .wait(is_admitted)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Being inside a gate, which its end leaves.
pub(crate) struct Passage<'a> {
    gate: &'a Gate,
    system: &'a dyn System,
}

impl<'a> Passage<'a> {
    pub(crate) fn enter(gate: &'a Gate, system: &'a dyn System) -> Self {
        system.enter(gate);
        Self { gate, system }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        self.system.leave(self.gate);
    }
}

/// How long a blocked thread may miss that it was interrupted.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// The real machine.
#[derive(Debug, Default)]
pub struct Machine;

impl System for Machine {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    fn uptime(&self) -> Duration {
        platform::uptime()
    }

    fn enter(&self, gate: &Gate) {
        gate.stand_in_line().wait();
    }

    fn leave(&self, gate: &Gate) {
        gate.leave();
    }

    // In slices rather than on a condition variable: whoever cancels may be a signal handler, which
    // can do no more than set a flag.
    fn wait(&self, until: Instant, interrupted: &dyn Fn() -> bool) {
        while !interrupted() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(TICK));
        }
    }

    fn random(&self) -> u64 {
        fastrand::u64(..)
    }

    // Not std's scope: that leaves a record of the calling thread behind, which on a main thread is
    // never freed and which leak checkers report.
    fn run_workers(&self, count: usize, work: &(dyn Fn() + Sync)) {
        if count <= 1 {
            return work();
        }
        let all_joined = crossbeam_utils::thread::scope(|scope| {
            let start = |_| {
                let builder = scope.builder().name(THREAD_NAME.into());
                builder.stack_size(STACK_BYTES).spawn(|_| work()).ok()
            };
            let helpers: Vec<_> = without_signals(|| (1..count).map_while(start).collect());
            work();
            for helper in helpers {
                let _ = helper.join();
            }
        });
        debug_assert!(all_joined.is_ok(), "workers do not panic");
    }
}

/// What debuggers show for each thread of this library.
const THREAD_NAME: &str = "koodrive";

/// Rust's own default, which otherwise the environment (RUST_MIN_STACK) could change. The resolver's
/// modules need the most of it; memory is taken only as it is used.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// Starts a thread for `work`, which does not panic.
pub(crate) fn spawn_thread(
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let builder = std::thread::Builder::new()
        .name(THREAD_NAME.into())
        .stack_size(STACK_BYTES);
    without_signals(|| builder.spawn(work))
}
