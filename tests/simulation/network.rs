//! The simulated network: the core's `Transport` and `Connection`, over virtual time.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use koodrive::context::CallContext;
use koodrive::error::ErrorKind;
use koodrive::failure::{Failure, FailureKind};
use koodrive::system::{Gate, System};
use koodrive::transport::{Connection, HttpRequest, HttpResponse, Transport};

use crate::answer::Draft;
use crate::faults::{self, Fault, Meaning, Reply};
use crate::invariants::{Attempt, Delivery, Limits, Watch};
use crate::mutants::{self, Mutant};
use crate::service::{CODE_BAD_PARAMETER, Order, Service};
use crate::world::World;

/// All that a simulation consists of, but the core.
pub struct Sim {
    pub world: World,
    pub stage: Mutex<Stage>,
}

/// What the calls of the core change. Its lock is never held while others run.
pub struct Stage {
    pub service: Service,
    pub watch: Watch,
    pub weather: Weather,
    pub mutant: Option<Mutant>,
    /// How many milliseconds our wall clock is ahead of the service's.
    pub wall_lead: i64,
    /// How far it jumps at each look.
    pub wall_jump: i64,
    /// How many faults there were.
    pub faults: u64,
    /// How many processes were killed amid a journaled run, or lost their power.
    pub crashes: u64,
}

/// What goes wrong, and how often.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    /// Of 256.
    pub connect_rate: u8,
    pub exchange_rate: u8,
    pub connect: Vec<Fault>,
    pub exchange: Vec<Fault>,
    /// Of 256: panics where a connection is looked at.
    pub look_rate: u8,
    pub thread_rate: u8,
    pub echoes: bool,
    pub honest_dates: bool,
    /// The most milliseconds that a step on the way takes.
    pub latency: u64,
    /// Nothing goes wrong any more after this.
    pub clears: Option<Duration>,
}

impl Stage {
    /// How far a clock may be off and do no harm.
    const HARMLESS_MS: i64 = 4_000;

    pub fn set_wall_lead(&mut self, ms: i64) {
        self.wall_lead = ms;
        self.watch.clock_is_steady = self.wall_jump == 0;
        self.watch.clock_is_right = ms.abs() <= Self::HARMLESS_MS && self.wall_jump == 0;
    }

    /// A new client, which has to learn its clock's error anew.
    pub fn new_client(&mut self, limits: Limits) {
        self.set_wall_lead(self.wall_lead);
        self.watch.new_client(limits);
    }
}

impl Sim {
    pub fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the calling thread's process was killed.
    fn is_dead(&self) -> bool {
        let run = self.world.run();
        self.stage().watch.run(run).is_dead
    }

    /// Whether something goes wrong now, and what.
    fn draw(&self, choose: impl Fn(&Weather) -> (u8, &Vec<Fault>)) -> Option<Fault> {
        let now = self.world.now();
        let mut stage = self.stage();
        let weather = &stage.weather;
        let (rate, faults) = choose(weather);
        if faults.is_empty() || weather.clears.is_some_and(|clears| now >= clears) {
            return None;
        }
        let fault = self.world.random(|random| {
            let fault = faults[random.usize(..faults.len())];
            let happens = random.u8(..) < rate && (!fault.is_fatal() || random.u8(..) < 16);
            happens.then_some(fault)
        });
        stage.faults += u64::from(fault.is_some());
        fault
    }

    fn latency(&self) -> Duration {
        let most = self.stage().weather.latency;
        Duration::from_micros(self.world.random(|random| random.u64(0..=most * 1_000)))
    }

    /// Goes on in `latency`, unless its context ends before.
    pub fn pass(&self, latency: Duration, context: &CallContext) -> Result<(), FailureKind> {
        let deadline = self.world.elapsed(context.deadline);
        let until = self.world.now() + latency;
        if self
            .world
            .wait(until.min(deadline), &|| context.is_cancelled())
        {
            Err(FailureKind::Cancelled)
        } else if until >= deadline {
            Err(FailureKind::TimedOut)
        } else {
            Ok(())
        }
    }

    /// Lets the service handle what has arrived.
    pub fn advance(&self) {
        let now = self.world.now();
        let mut stage = self.stage();
        for (run, scopes) in stage.service.advance(now) {
            stage.watch.arrived(run, &scopes);
        }
    }
}

/// As `System`: virtual time, the world's threads and the seed's chance.
pub struct SimSystem(pub Arc<Sim>);

impl System for SimSystem {
    fn now(&self) -> std::time::Instant {
        self.0.world.step("now");
        self.0.world.instant(self.0.world.now())
    }

    fn wall_clock(&self) -> SystemTime {
        self.0.world.step("wall clock");
        let lead = {
            let mut stage = self.0.stage();
            stage.wall_lead += stage.wall_jump;
            stage.wall_lead
        };
        let right = Service::clock(self.0.world.now());
        let distance = Duration::from_millis(lead.unsigned_abs());
        if lead < 0 {
            right - distance
        } else {
            right + distance
        }
    }

    fn wait(&self, until: std::time::Instant, interrupted: &dyn Fn() -> bool) {
        self.0.world.step("wait");
        let until = self.0.world.elapsed(until);
        self.0.world.wait(until, interrupted);
    }

    fn uptime(&self) -> Duration {
        self.0.world.step("uptime");
        self.0.world.now()
    }

    fn enter(&self, gate: &Gate) {
        self.0.world.step("enter");
        self.0.world.await_entry(gate);
    }

    fn leave(&self, gate: &Gate) {
        self.0.world.leave(gate);
    }

    fn random(&self) -> u64 {
        self.0.world.step("random");
        self.0.world.random(|random| random.u64(..))
    }

    fn run_workers(&self, count: usize, work: &(dyn Fn() + Sync)) {
        let rate = self.0.stage().weather.thread_rate;
        let started = self.0.world.random(|random| match random.u8(..) < rate {
            true => random.usize(..count),
            false => count - 1,
        });
        let run = self.0.world.run();
        self.0.stage().watch.run(run).workers(started + 1);
        self.0.world.run_workers(started, work);
    }
}

pub struct SimTransport(pub Arc<Sim>);

impl Transport for SimTransport {
    fn connect(&self, context: &CallContext) -> Result<Box<dyn Connection>, Failure> {
        let sim = &self.0;
        sim.world.step("connect");
        if sim.is_dead() {
            return Err(failure(FailureKind::Cancelled, false));
        }
        let fault = sim.draw(|weather| (weather.connect_rate, &weather.connect));
        let (run, now) = (sim.world.run(), sim.world.now());
        let deadline = sim.world.elapsed(context.deadline);
        sim.stage()
            .watch
            .connecting(run, World::task(), now, deadline);
        let passed = match fault {
            Some(Fault::ConnectHangs) => sim.pass(Duration::MAX / 2, context),
            _ => sim.pass(sim.latency(), context),
        };
        let failed = match (passed, fault) {
            (Err(kind), _) => Some(kind),
            (Ok(()), Some(Fault::Refused)) => Some(FailureKind::Unreachable),
            (Ok(()), Some(Fault::NoResources)) => Some(FailureKind::NoResources),
            (Ok(()), Some(Fault::ConnectPanics)) => {
                sim.stage().watch.run(run).panicked(sim.world.now());
                panic_silently("while connecting");
            }
            (Ok(()), _) => None,
        };
        sim.stage().watch.run(run).last_event = sim.world.now();
        sim.world
            .note("connect", failed.is_some().into(), || format!("{failed:?}"));
        match failed {
            Some(kind) => {
                sim.stage().watch.run(run).not_connected(
                    World::task(),
                    cause(kind),
                    kind,
                    sim.world.now(),
                );
                Err(failure(kind, false))
            }
            None => {
                let mut stage = sim.stage();
                let number = stage.watch.opened(run, World::task());
                let standing = (fault == Some(Fault::AnswersUnasked))
                    .then(|| sim.world.random(faults::unasked));
                let dies = match fault {
                    Some(Fault::ClosesUnused) => {
                        let ms = sim.world.random(|random| random.u64(0..500));
                        Some(sim.world.now() + Duration::from_millis(ms))
                    }
                    _ => None,
                };
                drop(stage);
                Ok(Box::new(SimConnection {
                    sim: Arc::clone(sim),
                    number,
                    looked: None,
                    standing,
                    reusable: true,
                    distrusted: false,
                    dies,
                    run,
                    body: Vec::new(),
                }))
            }
        }
    }
}

/// Nobody reads what a panic prints that is meant to be caught.
fn panic_silently(when: &str) -> ! {
    resume_unwind(Box::new(format!("simulated: {when}")))
}

fn failure(kind: FailureKind, possibly_executed: bool) -> Failure {
    Failure {
        possibly_executed,
        kind,
        message: format!("simulated: {kind:?}"),
    }
}

struct SimConnection {
    sim: Arc<Sim>,
    number: u64,
    /// When somebody asked whether it may be used, and heard yes.
    looked: Option<Duration>,
    /// An answer that came before any request.
    standing: Option<Draft>,
    reusable: bool,
    /// Its last answer could not be trusted: what comes next can't be either.
    distrusted: bool,
    /// When the other side closes it.
    dies: Option<Duration>,
    /// The run that looked at it last.
    run: usize,
    body: Vec<u8>,
}

impl Drop for SimConnection {
    fn drop(&mut self) {
        self.sim.stage().watch.closed();
    }
}

impl Connection for SimConnection {
    fn exchange(
        &mut self,
        request: HttpRequest<'_>,
        context: &CallContext,
    ) -> Result<HttpResponse<'_>, Failure> {
        let sim = Arc::clone(&self.sim);
        sim.world.step("exchange");
        if sim.is_dead() {
            return Err(failure(FailureKind::Cancelled, false));
        }
        let now = sim.world.now();
        let fault = sim.draw(|weather| (weather.exchange_rate, &weather.exchange));
        let attempt = {
            let mut stage = sim.stage();
            let stage = &mut *stage;
            if self.looked.take() != Some(now) {
                stage
                    .watch
                    .violation("a connection is used without a look at it");
            }
            if !self.reusable || self.dies.is_some_and(|dies| now >= dies) {
                stage
                    .watch
                    .violation("a connection is used that is no longer good");
            }
            // A wrong rule of trust is to be caught by its outcomes.
            if self.distrusted && stage.mutant.is_none() {
                stage
                    .watch
                    .violation("a connection is used whose answer was distrusted");
            }
            let run = sim.world.run();
            let deadline = sim.world.elapsed(context.deadline);
            let service = &stage.service;
            let task = World::task();
            stage.watch.run(run).uses(task, self.number);
            stage.watch.sent(
                run,
                task,
                service,
                &request.head,
                request.body,
                now,
                deadline,
            )
        };
        sim.world.note("send", attempt.number, || {
            let (number, query) = (attempt.number, &attempt.query);
            format!("#{number} {:?} {query:?} {fault:?}", attempt.scopes)
        });
        let came = self.converse(&attempt, fault, context);
        self.deliver(&attempt, came)
    }

    fn is_reusable(&mut self) -> bool {
        self.sim.world.step("is reusable");
        let rate = self.sim.stage().weather.look_rate;
        if self.sim.world.random(|random| random.u8(..) < rate) {
            let run = self.sim.world.run();
            self.sim.stage().watch.run(run).panicked_looking();
            panic_silently("while looking at a connection");
        }
        let now = self.sim.world.now();
        let run = self.sim.world.run();
        let before = std::mem::replace(&mut self.run, run);
        let is_dead = self.dies.is_some_and(|dies| now >= dies);
        let unseen = match self.sim.stage().mutant {
            Some(Mutant::StandingAnswersAreOverlooked) => self.standing.is_some(),
            Some(Mutant::RestedConnectionsAreGood) => is_dead,
            _ => false,
        };
        self.reusable &= unseen || !is_dead && self.standing.is_none();
        self.looked = self.reusable.then_some(now);
        if self.reusable {
            self.sim.stage().watch.check_idle(before, run);
        }
        self.reusable
    }
}

/// How an exchange ended.
enum Came {
    Reply(Box<Reply>),
    Nothing(FailureKind, Exposed),
    Panic,
}

type Exposed = bool;

impl SimConnection {
    fn converse(&mut self, attempt: &Attempt, fault: Option<Fault>, context: &CallContext) -> Came {
        let sim = &self.sim;
        let forever = Duration::MAX / 2;
        let sending = match fault {
            Some(Fault::SendHangs) => forever,
            _ => sim.latency(),
        };
        if let Err(kind) = sim.pass(sending, context) {
            return Came::Nothing(kind, false);
        }
        match fault {
            Some(Fault::SendFails) => return Came::Nothing(FailureKind::Unreachable, false),
            Some(Fault::SendPanics) => return Came::Panic,
            _ => {}
        }
        let arrival = match fault {
            Some(Fault::Late) => sim.latency() * 200,
            _ => sim.latency(),
        };
        if !matches!(fault, Some(Fault::RequestLost | Fault::EarlyRefusal)) {
            let order = Order {
                number: attempt.number,
                run: attempt.run,
                scopes: Arc::clone(&attempt.scopes),
                query: attempt.query.clone(),
                x_date: attempt.x_date,
                authorization: attempt.authorization.clone(),
                executes: fault
                    .is_none_or(|fault| sim.world.random(|random| fault.executes(random))),
            };
            let time = sim.world.now() + arrival;
            sim.stage().service.post(time, order);
        }
        if let Some(draft) = self.standing.take() {
            return Came::Reply(Box::new(faults::not_ours(draft)));
        }
        let broken = match sim.pass(arrival, context) {
            Err(kind) => Some(kind),
            Ok(()) => {
                sim.advance();
                let waiting = match fault {
                    Some(Fault::AnswerHangs | Fault::RequestLost) => forever,
                    _ => sim.latency(),
                };
                sim.pass(waiting, context).err()
            }
        };
        if let Some(kind) = broken {
            let possibly_executed = fault != Some(Fault::EarlyRefusal);
            return Came::Nothing(kind, possibly_executed);
        }
        match fault {
            Some(Fault::AnswerLost) => Came::Nothing(FailureKind::Unreachable, true),
            Some(Fault::BrokenHttp) => Came::Nothing(FailureKind::InvalidResponse, true),
            Some(Fault::AnswerPanics) => Came::Panic,
            _ => Came::Reply(Box::new(self.reply(attempt, fault))),
        }
    }

    fn reply(&mut self, attempt: &Attempt, fault: Option<Fault>) -> Reply {
        let mut stage = self.sim.stage();
        let handled = stage.service.take_handled(attempt.number);
        let handled = handled.unwrap_or_else(|| crate::service::Handled::Done(Vec::new()));
        let (echoes, honest) = (stage.weather.echoes, stage.weather.honest_dates);
        drop(stage);
        let (reply, closes) = self.sim.world.random(|random| {
            let mut reply = faults::reply(fault, handled, &attempt.ids, random);
            reply.draft.date = faults::date(honest, random);
            if echoes && random.bool() {
                echo(&mut reply.draft, &attempt.authorization, random);
            }
            let dies = (random.u8(..) < 20).then(|| random.u64(0..20_000));
            (reply, dies)
        });
        self.dies = closes.map(|ms| self.sim.world.now() + Duration::from_millis(ms));
        self.reusable = !matches!(fault, Some(Fault::EarlyRefusal | Fault::ClosesAfterAnswer));
        self.distrusted = reply.cause == Some(ErrorKind::InvalidResponse);
        reply
    }

    fn deliver(&mut self, attempt: &Attempt, came: Came) -> Result<HttpResponse<'_>, Failure> {
        let sim = &self.sim;
        let now = sim.world.now();
        let mut guard = sim.stage();
        let stage = &mut *guard;
        let delivery = Delivery::of(&seen(&came), attempt, now);
        sim.world.note("done", attempt.number, || {
            format!("#{} {:?}", attempt.number, delivery.meaning)
        });
        stage.watch.delivered(attempt, delivery, now);
        let mutant = stage.mutant;
        drop(guard);
        match came {
            Came::Panic => {
                self.reusable = false;
                sim.stage().watch.run(attempt.run).panicked(now);
                panic_silently("during an exchange");
            }
            Came::Nothing(kind, possibly_executed) => {
                self.reusable = false;
                let mut failure = failure(kind, possibly_executed);
                match mutant {
                    Some(Mutant::LostListsAreEmpty) if attempt.query.is_some() => {
                        return Ok(self.write(&mutants::empty_list(), now));
                    }
                    Some(mutant) => mutant.change_failure(&mut failure),
                    None => {}
                }
                Err(failure)
            }
            Came::Reply(reply) => {
                let mut draft = reply.draft;
                match (mutant, &attempt.query) {
                    (Some(mutant), Some(query)) => mutant.change_list(&mut draft, query),
                    (Some(mutant), None) => mutant.change_answer(&mut draft, &attempt.ids),
                    (None, _) => {}
                }
                Ok(self.write(&draft, now))
            }
        }
    }

    fn write(&mut self, draft: &Draft, now: Duration) -> HttpResponse<'_> {
        let (head, body) = draft.write(Service::clock(now));
        self.body = body;
        HttpResponse {
            head,
            body: &self.body,
        }
    }
}

/// What the status of a run calls it; that the caller gave up is no cause of its own.
fn cause(kind: FailureKind) -> Option<ErrorKind> {
    match kind {
        FailureKind::TimedOut => Some(ErrorKind::TimedOut),
        FailureKind::InvalidResponse => Some(ErrorKind::InvalidResponse),
        FailureKind::Cancelled => None,
        _ => Some(ErrorKind::Unreachable),
    }
}

/// What happened, as the invariants see it.
pub struct Seen<'a> {
    pub meaning: Meaning,
    pub cause: Option<ErrorKind>,
    pub interrupted: bool,
    pub panicked: bool,
    pub draft: Option<&'a Draft>,
}

fn seen(came: &Came) -> Seen<'_> {
    let silent = |possibly_executed: bool, kind: Option<FailureKind>| Seen {
        meaning: match possibly_executed {
            true => Meaning::Ambiguous { again: true },
            false => Meaning::NotHanded,
        },
        cause: kind.and_then(cause),
        interrupted: kind == Some(FailureKind::Cancelled),
        panicked: kind.is_none(),
        draft: None,
    };
    match came {
        // Whoever catches it can't know how far the request got.
        Came::Panic => silent(true, None),
        Came::Nothing(kind, possibly_executed) => silent(*possibly_executed, Some(*kind)),
        Came::Reply(reply) => Seen {
            meaning: reply.meaning.clone(),
            cause: reply.cause,
            interrupted: false,
            panicked: false,
            draft: Some(&reply.draft),
        },
    }
}

/// The service tells what it should keep to itself.
fn echo(draft: &mut Draft, authorization: &str, random: &mut fastrand::Rng) {
    let filler = "x".repeat(random.usize(..1_100));
    let text = format!("{filler} Authorization: {authorization}");
    match random.u8(..4) {
        0 => draft.request_id = Some(format!("id {authorization}")),
        // Some codes have a meaning; all others are only words.
        1 => {
            if let Some(code) = &mut draft.code
                && *code != "0"
                && *code != CODE_BAD_PARAMETER
            {
                *code = text;
            }
        }
        2 => {
            for failed in &mut draft.failed {
                failed.message.clone_from(&text);
            }
            for entry in draft.list.iter_mut().flat_map(|list| &mut list.entries) {
                entry.detail.clone_from(&text);
            }
        }
        _ => draft.message = Some(text),
    }
}
