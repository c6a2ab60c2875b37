//! What a run needs of the machine: time, waiting, threads and chance. A simulation puts its own
//! in place. No lock may be held across a call of it.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{SigSet, SigmaskHow};

/// Time, waiting, spawning and randomness.
pub trait System: Send + Sync {
    /// The monotonic clock, for deadlines.
    fn now(&self) -> Instant;

    /// The wall clock, which may be wrong and may jump.
    fn wall_clock(&self) -> SystemTime;

    /// Waits until `until`, or until `interrupted` says so.
    fn wait(&self, until: Instant, interrupted: &dyn Fn() -> bool);

    /// A random number, evenly distributed.
    fn random(&self) -> u64;

    /// Runs `work` on the calling thread and on up to `count - 1` more, and returns when all have
    /// ended. `work` does not panic. Where a thread can't be started, there are fewer.
    fn run_workers(&self, count: usize, work: &(dyn Fn() + Sync));
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

    // In slices rather than on a condition variable: whoever cancels may be a signal handler, which
    // can do no more than set a flag.
    fn wait(&self, until: Instant, interrupted: &dyn Fn() -> bool) {
        while !interrupted() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(TICK));
        }
    }

    fn random(&self) -> u64 {
        fastrand::u64(..)
    }

    fn run_workers(&self, count: usize, work: &(dyn Fn() + Sync)) {
        thread::scope(|scope| {
            let helpers: Vec<_> = without_signals(|| {
                (1..count)
                    .map_while(|_| thread_builder().spawn_scoped(scope, work).ok())
                    .collect()
            });
            work();
            // The scope waits for the closures to end, `join` also for their threads.
            for helper in helpers {
                let _ = helper.join();
            }
        });
    }
}

/// How each thread of this library is started.
pub(crate) fn thread_builder() -> thread::Builder {
    thread::Builder::new().name("koodrive".into())
}

/// Runs `start` with all signals blocked, for the threads it starts to inherit: the host's signals
/// are handled on the host's threads.
pub(crate) fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let result = start();
    if let Ok(mask) = before {
        let _ = mask.thread_set_mask();
    }
    result
}
