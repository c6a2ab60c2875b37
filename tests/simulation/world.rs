//! Virtual time and a scheduler. Workers are real threads, of which exactly one runs at a time: at
//! each call of the world the turn may go to another one, which the seed chooses. Time stands still
//! while anybody runs and jumps to the next event when all wait.

use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use koodrive::system::Gate;

/// A run of more steps than this hangs.
const MAX_STEPS: u64 = 20_000_000;

/// How many lines of a trace are kept.
const KEPT_LINES: usize = 4_000;

thread_local! {
    static TASK: Cell<usize> = const { Cell::new(0) };
}

pub struct World {
    base: Instant,
    /// The task that may run.
    turn: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    seed: u64,
    now: Duration,
    random: fastrand::Rng,
    tasks: Vec<Task>,
    alarms: Vec<Alarm>,
    steps: u64,
    /// Of 256 steps, how many offer the turn to others.
    restlessness: u8,
    hash: u64,
    lines: Option<Vec<String>>,
}

struct Task {
    thread: Thread,
    status: Status,
    /// The run it works for.
    run: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ready,
    Waiting(Duration),
    /// For other tasks to end.
    Joining,
    Ended,
}

/// When something outside happens.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    At(Duration),
    Step(u64),
}

struct Alarm {
    moment: Moment,
    action: Box<dyn FnOnce() + Send>,
}

impl World {
    pub fn new(seed: u64, restlessness: u8, logged: bool) -> Self {
        TASK.set(0);
        Self {
            base: Instant::now(),
            turn: AtomicUsize::new(0),
            state: Mutex::new(State {
                seed,
                now: Duration::ZERO,
                random: fastrand::Rng::with_seed(seed),
                tasks: vec![Task {
                    thread: thread::current(),
                    status: Status::Ready,
                    run: 0,
                }],
                alarms: Vec::new(),
                steps: 0,
                restlessness,
                hash: 0xcbf2_9ce4_8422_2325,
                lines: logged.then(Vec::new),
            }),
        }
    }

    pub fn now(&self) -> Duration {
        self.state().now
    }

    pub fn instant(&self, elapsed: Duration) -> Instant {
        self.base + elapsed
    }

    pub fn elapsed(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.base)
    }

    pub fn random<T>(&self, choose: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        choose(&mut self.state().random)
    }

    pub fn task() -> usize {
        TASK.get()
    }

    /// The run that the calling thread works for.
    pub fn run(&self) -> usize {
        self.state().tasks[TASK.get()].run
    }

    /// From now on the calling thread works for this run.
    pub fn begin_run(&self, run: usize) {
        self.state().tasks[TASK.get()].run = run;
    }

    pub fn set_alarm(&self, moment: Moment, action: impl FnOnce() + Send + 'static) {
        let action = Box::new(action);
        self.state().alarms.push(Alarm { moment, action });
    }

    pub fn clear_alarms(&self) {
        let alarms = std::mem::take(&mut self.state().alarms);
        drop(alarms);
    }

    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// What happened so far, as a number and, if logged, the last lines of it in words.
    pub fn trace(&self) -> (u64, String) {
        let state = self.state();
        let lines = state.lines.iter().flatten();
        let skipped = lines.clone().count().saturating_sub(KEPT_LINES);
        let text = lines.skip(skipped).fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        });
        (state.hash, text)
    }

    /// Adds to the trace.
    pub fn note(&self, what: &'static str, number: u64, words: impl FnOnce() -> String) {
        self.state().note(what, number, words);
    }

    /// A point where others may go on first.
    pub fn step(&self, what: &'static str) {
        let mut state = self.state();
        state.steps += 1;
        let steps = state.steps;
        if steps > MAX_STEPS {
            eprintln!("seed {} does not end", state.seed);
            std::process::exit(1);
        }
        state.mix(what.len() as u64 ^ (TASK.get() as u64) << 32);
        let due = |alarm: &Alarm| matches!(alarm.moment, Moment::Step(step) if step <= steps);
        let alarm = state.alarms.iter().position(due);
        if let Some(alarm) = alarm.map(|index| state.alarms.swap_remove(index)) {
            drop(state);
            (alarm.action)();
            self.wake_all();
            state = self.state();
        }
        if state.ready() > 1 && state.random.u8(..) < state.restlessness {
            drop(state);
            self.pass_on();
        }
    }

    /// Waits until `until`. Whether it was interrupted before.
    pub fn wait(&self, until: Duration, interrupted: &dyn Fn() -> bool) -> bool {
        loop {
            if interrupted() {
                return true;
            }
            let mut state = self.state();
            if state.now >= until {
                return false;
            }
            state.tasks[TASK.get()].status = Status::Waiting(until);
            drop(state);
            self.pass_on();
        }
    }

    /// Waits for the calling thread's turn, and enters the gate.
    pub fn await_entry(&self, gate: &Gate) {
        let ticket = gate.stand_in_line();
        self.wait(Duration::MAX, &|| ticket.is_admitted());
    }

    pub fn leave(&self, gate: &Gate) {
        gate.leave();
        self.wake_all();
    }

    /// Runs `work` on the calling thread and on `helpers` more.
    pub fn run_workers(&self, helpers: usize, work: &(dyn Fn() + Sync)) {
        let alive = AtomicUsize::new(helpers);
        let alive = &alive;
        thread::scope(|scope| {
            for _ in 0..helpers {
                let task = self.state().free_task();
                let helper = scope.spawn(move || self.live(task, alive, work));
                let mut state = self.state();
                let run = state.tasks[TASK.get()].run;
                state.tasks[task] = Task {
                    thread: helper.thread().clone(),
                    status: Status::Ready,
                    run,
                };
            }
            work();
            // What this worker did may be what others wait for.
            self.wake_all();
            while alive.load(Ordering::Relaxed) > 0 {
                self.state().tasks[TASK.get()].status = Status::Joining;
                self.pass_on();
            }
        });
    }

    /// A helper's life.
    fn live(&self, task: usize, alive: &AtomicUsize, work: &(dyn Fn() + Sync)) {
        TASK.set(task);
        self.await_turn();
        work();
        alive.fetch_sub(1, Ordering::Relaxed);
        self.state().tasks[task].status = Status::Ended;
        self.wake_all();
        self.pass_on();
    }

    /// Lets everybody see whether what they wait for is there.
    fn wake_all(&self) {
        for task in &mut self.state().tasks {
            if matches!(task.status, Status::Waiting(_) | Status::Joining) {
                task.status = Status::Ready;
            }
        }
    }

    /// Gives the turn to one that is ready, and returns when it came back.
    fn pass_on(&self) {
        let me = TASK.get();
        loop {
            let mut state = self.state();
            if let Some(next) = state.choose() {
                if next == me {
                    return;
                }
                state.mix(next as u64);
                let ended = state.tasks[me].status == Status::Ended;
                let thread = state.tasks[next].thread.clone();
                drop(state);
                self.turn.store(next, Ordering::Release);
                thread.unpark();
                if !ended {
                    self.await_turn();
                }
                return;
            }
            let alarm = state.advance();
            drop(state);
            if let Some(alarm) = alarm {
                (alarm.action)();
                self.wake_all();
            }
        }
    }

    fn await_turn(&self) {
        while self.turn.load(Ordering::Acquire) != TASK.get() {
            thread::park();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn ready(&self) -> usize {
        let ready = |task: &&Task| task.status == Status::Ready;
        self.tasks.iter().filter(ready).count()
    }

    fn choose(&mut self) -> Option<usize> {
        let ready = self.ready();
        let nth = match ready {
            0 => return None,
            1 => 0,
            _ => self.random.usize(..ready),
        };
        let is_ready = |task: &usize| self.tasks[*task].status == Status::Ready;
        (0..self.tasks.len()).filter(is_ready).nth(nth)
    }

    /// To the next moment at which something happens: an alarm is handed out, waits that are over
    /// end.
    fn advance(&mut self) -> Option<Alarm> {
        let waits = self.tasks.iter().filter_map(|task| match task.status {
            Status::Waiting(until) => Some(until),
            _ => None,
        });
        let Some(wait) = waits.min() else {
            eprintln!("seed {}: a deadlock", self.seed);
            std::process::exit(1);
        };
        let alarm = (0..self.alarms.len())
            .filter_map(|index| match self.alarms[index].moment {
                Moment::At(time) => Some((time, index)),
                Moment::Step(_) => None,
            })
            .min();
        if let Some((time, index)) = alarm.filter(|(time, _)| *time <= wait) {
            self.now = self.now.max(time);
            return Some(self.alarms.swap_remove(index));
        }
        self.now = self.now.max(wait);
        for task in &mut self.tasks {
            if matches!(task.status, Status::Waiting(until) if until <= self.now) {
                task.status = Status::Ready;
            }
        }
        None
    }

    /// A place for a new task, taken at once.
    fn free_task(&mut self) -> usize {
        let ended = |task: &Task| task.status == Status::Ended;
        self.tasks.iter().position(ended).unwrap_or_else(|| {
            self.tasks.push(Task {
                thread: thread::current(),
                status: Status::Ended,
                run: 0,
            });
            self.tasks.len() - 1
        })
    }

    fn note(&mut self, what: &'static str, number: u64, words: impl FnOnce() -> String) {
        self.mix(number);
        self.mix(what.len() as u64);
        if let Some(lines) = &mut self.lines {
            lines.push(format!(
                "{:>12.3} ms  step {:>6}  worker {}  {what} {}",
                self.now.as_secs_f64() * 1e3,
                self.steps,
                TASK.get(),
                words()
            ));
        }
    }

    fn mix(&mut self, number: u64) {
        for part in [number, self.now.as_nanos() as u64] {
            self.hash = (self.hash ^ part)
                .wrapping_mul(0x0000_0100_0000_01b3)
                .rotate_left(23);
        }
    }
}
