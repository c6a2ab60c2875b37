//! What a run needs of the machine: time, waiting, threads and chance. A simulation puts its own
//! in place. No lock may be held across a call of it.

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
                builder.spawn(|_| work()).ok()
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
pub(crate) const THREAD_NAME: &str = "koodrive";

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
