//! From a seed: a service, a client's config, plans, faults and what happens outside; and the
//! client's life with them.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::plan::Plan;
use koodrive::report::{Outcome, Report};

use crate::asking::{self, Question};
use crate::crashes::JournaledOrder;
use crate::faults::Fault;
use crate::invariants::{Limits, SECRET_MARK, Watch};
use crate::mutants::Mutant;
use crate::network::{Sim, SimSystem, SimTransport, Stage, Weather};
use crate::request::HOST;
use crate::run::Errand;
use crate::service::{Nature, Service};
use crate::telling::Keeping;
use crate::world::{Moment, World};

pub const DEFAULT_USER: &str = "1505084218764547200";
const APP_ID: &str = "app-7";
/// A resumed run may itself stop early, for poisonous ids in a row, and corners only a few of them.
const MOST_RESUMES: usize = 100;

/// What a simulation showed.
pub struct Finding {
    pub requests: u64,
    pub faults: u64,
    pub crashes: u64,
    pub hash: u64,
    pub violation: Option<String>,
    pub trace: String,
}

/// A plan, and what it means.
struct Order {
    plan: Plan,
    errand: Errand,
}

/// What a simulation is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Everything,
    /// Journaled runs of a few ids, in processes that crash most of the time.
    Crashes,
}

pub fn simulate(seed: u64, mutant: Option<Mutant>, logged: bool) -> Finding {
    simulate_subject(Subject::Everything, seed, mutant, logged)
}

pub fn simulate_subject(
    subject: Subject,
    seed: u64,
    mutant: Option<Mutant>,
    logged: bool,
) -> Finding {
    let mut random = Rng::with_seed(!seed);
    let restlessness = random.choice([0, 16, 64, 200]).unwrap_or(0);
    let limits = limits(&mut random);
    let world = World::new(seed, restlessness, logged);
    let sim = sim(
        world,
        Watch::new(limits.clone()),
        weather(&mut random),
        mutant,
    );
    sim.stage().watch.keeping = Keeping::of(seed, mutant);
    let client = client(&sim, &limits, &first_authorization(&sim, &mut random));
    let orders: Vec<_> = (0..random.usize(1..4))
        .map(|_| order(subject, &mut sim.stage().service, &mut random))
        .collect();
    happenings(&sim, &client, &mut random);
    let (mut ended, mut journaled) = (Vec::new(), Vec::new());
    let mut client = client;
    let mut orders = orders.into_iter().peekable();
    while let Some(order) = orders.next() {
        if random.u8(..) < 60 || subject == Subject::Crashes {
            sim.stage().watch.concurrent_runs = 1;
            let mut order = JournaledOrder::new(&sim, order.plan, order.errand);
            let most_runs = if subject == Subject::Crashes { 60 } else { 6 };
            client = order.carry_out(&sim, client, most_runs, &mut random);
            journaled.push(order);
            continue;
        }
        let beside = orders.next_if(|_| random.u8(..) < 40);
        let mut together: Vec<_> = std::iter::once(order).chain(beside).collect();
        let questions = questions(&sim, &mut random);
        let mut reports = carry_out(&sim, &client, &together, &questions);
        if random.u8(..) < 20 {
            reports = lose_reports(&sim, &client, &mut together, &reports);
        }
        ended.extend(reports);
        if random.u8(..) < 60 {
            let questions = questions_of(&sim, random.usize(1..3), &mut random);
            carry_out(&sim, &client, &[], &questions);
        }
        let gap = Duration::from_millis(random.u64(0..30_000));
        sim.world.wait(sim.world.now() + gap, &|| false);
    }
    sim.world.clear_alarms();
    let client = recover(&sim, client, limits);
    for (run, report) in ended {
        resume(&sim, &client, run, report);
    }
    for order in journaled {
        take_up(&sim, &client, order);
    }
    asking::ask_in_calm_weather(&sim, &client, &mut random);
    drop(client);
    let (hash, trace) = sim.world.trace();
    let stage = sim.stage();
    Finding {
        requests: stage.watch.requests,
        faults: stage.faults,
        crashes: stage.crashes,
        hash,
        violation: stage.watch.first_violation.clone(),
        trace,
    }
}

fn sim(world: World, watch: Watch, weather: Weather, mutant: Option<Mutant>) -> Arc<Sim> {
    Arc::new(Sim {
        world,
        stage: Mutex::new(Stage {
            service: Service::new(),
            watch,
            weather,
            mutant,
            wall_lead: 0,
            wall_jump: 0,
            faults: 0,
            crashes: 0,
        }),
    })
}

/// A world in which nothing happens by itself.
pub fn idle_sim(seed: u64) -> Arc<Sim> {
    let watch = Watch::new(Limits::default());
    sim(World::new(seed, 0, false), watch, Weather::default(), None)
}

/// What is asked for while runs are under way.
fn questions(sim: &Arc<Sim>, random: &mut Rng) -> Vec<Question> {
    let count = match random.u8(..) {
        0..80 => random.usize(1..3),
        _ => 0,
    };
    questions_of(sim, count, random)
}

fn questions_of(sim: &Arc<Sim>, count: usize, random: &mut Rng) -> Vec<Question> {
    let stage = sim.stage();
    (0..count)
        .map(|_| Question::choose(&stage.service, random))
        .collect()
}

/// Carries out plans and asks for lists at the same time, on one client. The runs and their reports.
fn carry_out(
    sim: &Arc<Sim>,
    client: &Client,
    orders: &[Order],
    questions: &[Question],
) -> Vec<(usize, Report)> {
    let count = orders.len() + questions.len();
    sim.stage().watch.concurrent_runs = count;
    let (next, ended) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    sim.world.run_workers(count - 1, &|| {
        let next = next.fetch_add(1, Ordering::Relaxed);
        if let Some(question) = questions.get(next.wrapping_sub(orders.len())) {
            asking::ask(sim, client, question);
        } else if let Some(order) = orders.get(next) {
            let run = sim.stage().watch.begin(&order.errand, sim.world.now());
            sim.world.begin_run(run);
            foresee_cancels(sim, run);
            let report = delete(sim, client, run, &order.plan);
            ended
                .lock()
                .expect("no panic")
                .extend(report.map(|report| (run, report)));
        }
    });
    ended.into_inner().expect("no panic")
}

/// The reports are lost: the caller has the same plans carried out once more.
fn lose_reports(
    sim: &Arc<Sim>,
    client: &Client,
    orders: &mut [Order],
    lost: &[(usize, Report)],
) -> Vec<(usize, Report)> {
    for order in &mut *orders {
        let asked = |(run, _): &&(usize, Report)| {
            sim.stage().watch.run(*run).scopes() == order.errand.scopes
        };
        order.errand.takes_up = lost.iter().find(asked).map(|(run, _)| *run);
        order.errand.tried = order.errand.scopes.iter().copied().collect();
        order.plan.mark_tried();
    }
    carry_out(sim, client, orders, &[])
}

/// One call of the client, checked.
fn delete(sim: &Arc<Sim>, client: &Client, run: usize, plan: &Plan) -> Option<Report> {
    let monitor = sim.stage().watch.run(run).monitor.clone();
    let ended = client.delete_plan(plan, Some(&monitor));
    sim.advance();
    let now = sim.world.now();
    let mut stage = sim.stage();
    let stage = &mut *stage;
    match ended {
        Ok((report, error)) => {
            sim.world
                .note("end", run as u64, || format!("of run {run}: {error:?}"));
            stage
                .watch
                .finish(run, &stage.service, &report, error.as_ref(), now);
            Some(report)
        }
        Err(error) => {
            stage
                .watch
                .violation(format!("a plan was not carried out: {error}"));
            None
        }
    }
}

/// All faults end, and the caller renews what was lost. The client for what is left: the same one,
/// unless its runs are too short for that.
fn recover(sim: &Arc<Sim>, client: Arc<Client>, limits: Limits) -> Arc<Client> {
    let now = sim.world.now();
    let mut stage = sim.stage();
    stage.weather = Weather {
        honest_dates: true,
        latency: 5,
        ..Weather::default()
    };
    stage.wall_jump = 0;
    stage.service.forbidden_user = None;
    let good = stage.service.authorization.clone();
    let configured = stage.watch.authorizations.last().cloned();
    drop(stage);
    if limits.run_timeout.is_some() {
        drop(client);
        let limits = Limits {
            run_timeout: None,
            ..limits
        };
        sim.stage().new_client(limits.clone());
        if let Some(good) = &good {
            let mut stage = sim.stage();
            stage.watch.authorizations = vec![(now, good.clone())];
        }
        return self::client(sim, &limits, &good);
    }
    if let Some(good) = good
        && configured.is_none_or(|(_, configured)| configured != good)
    {
        authorize(sim, &client, &good, now);
    }
    client
}

/// The client's requests carry this from now on.
fn authorize(sim: &Sim, client: &Client, value: &str, now: Duration) {
    let set = match value.strip_prefix("Bearer ") {
        Some(token) => client.set_access_token(token),
        None => client.set_authorization(value),
    };
    set.expect("an authorization by the rules");
    sim.stage()
        .watch
        .authorizations
        .push((now, value.to_owned()));
}

/// What a run left is taken up until nothing is left. Then all that could be deleted must be gone.
fn resume(sim: &Arc<Sim>, client: &Client, run: usize, report: Report) {
    let asked = sim.stage().watch.run(run).scopes();
    let (mut run, mut report) = (run, report);
    for round in 0.. {
        let left = sim.stage().watch.run(run).unfinished(&report);
        let plan = report.unfinished().expect("a plan from a plan");
        if plan.scope_count() != left.scopes.len() || round > MOST_RESUMES {
            let count = plan.scope_count();
            let what = format!(
                "run {run}: {count} ids are to resume, not {:?}",
                left.scopes
            );
            sim.stage().watch.violation(what);
            return;
        }
        if left.scopes.is_empty() {
            break;
        }
        let plan = match sim.stage().mutant {
            Some(Mutant::EarlierRunsAreForgotten) => forgetful(&report),
            _ => plan,
        };
        run = sim.stage().watch.begin(&left, sim.world.now());
        sim.world.begin_run(run);
        match delete(sim, client, run, &plan) {
            Some(next) => report = next,
            None => return,
        }
    }
    let mut stage = sim.stage();
    for scope in asked {
        let there = &stage.service.scopes[scope];
        if there.exists
            && !stage
                .watch
                .runs
                .iter()
                .any(|run| run.refused_for_good(scope))
        {
            let what = format!(
                "scope {scope} ({}) was not refused and is still there",
                there.id
            );
            stage.watch.violation(what);
            return;
        }
    }
}

/// A journaled run is taken up until nothing is left. Then all that could be deleted must be gone.
fn take_up(sim: &Arc<Sim>, client: &Client, mut order: JournaledOrder) {
    sim.stage().watch.concurrent_runs = 1;
    for _ in 0..MOST_RESUMES {
        match order.finish(sim, client) {
            Some(report) if report.next_unfinished(0).is_none() => {
                return check_gone(sim, &order.errand.scopes, |position| {
                    report.outcome(position) == Some(Outcome::Rejected)
                        || report.outcome(position) == Some(Outcome::Unknown)
                });
            }
            Some(_) => {}
            None => return,
        }
    }
    sim.stage()
        .watch
        .violation("a journaled run does not come to its end");
}

/// Whether all is gone but what was refused.
fn check_gone(sim: &Sim, scopes: &[usize], is_refused: impl Fn(usize) -> bool) {
    let mut stage = sim.stage();
    let there = |(position, scope): &(usize, &usize)| {
        stage.service.scopes[**scope].exists && !is_refused(*position)
    };
    let repeated = |position: usize| scopes[..position].contains(&scopes[position]);
    let left = scopes
        .iter()
        .enumerate()
        .find(|found| there(found) && !repeated(found.0));
    if let Some((_, scope)) = left {
        let id = &stage.service.scopes[*scope].id;
        let what = format!("scope {scope} ({id}) was not refused and is still there");
        stage.watch.violation(what);
    }
}

/// The client of a new process.
pub fn client_like(sim: &Arc<Sim>, old: Arc<Client>) -> Arc<Client> {
    drop(old);
    // What was to happen to the old one happens to nobody.
    sim.world.clear_alarms();
    let (limits, now) = (sim.stage().watch.limits.clone(), sim.world.now());
    sim.stage().new_client(limits.clone());
    let current = sim.stage().watch.authorizations.last().cloned();
    let authorization = current.map(|(_, value)| value);
    if let Some(value) = &authorization {
        sim.stage().watch.authorizations = vec![(now, value.clone())];
    }
    client(sim, &limits, &authorization)
}

/// What is unfinished, as a plan that does not know what was tried.
fn forgetful(report: &Report) -> Plan {
    fn text(text: Option<&CStr>) -> Option<&str> {
        text?.to_str().ok()
    }
    let mut plan = Plan::new();
    let mut next = 0;
    while let Some(position) = report.next_unfinished(next) {
        next = position + 1;
        let device = text(report.device_id(position)).expect("a device");
        let id = text(report.scope_id(position)).into_iter();
        plan.add(text(report.user_id(position)), device, id)
            .expect("what a plan held");
    }
    plan
}

fn limits(random: &mut Rng) -> Limits {
    let mut log_ms = |least: u64, doublings: u32| {
        let most = least << random.u32(0..=doublings);
        Duration::from_millis(random.u64(least..=most))
    };
    let (connect_timeout, request_timeout) = (log_ms(20, 9), log_ms(50, 10));
    let (run_timeout, max_outage) = (log_ms(1, 16), log_ms(500, 8));
    Limits {
        connect_timeout,
        request_timeout,
        run_timeout: (random.u8(..) < 50).then_some(run_timeout),
        max_outage: match random.u8(..) {
            0..20 => Duration::ZERO,
            20..100 => max_outage,
            _ => Duration::from_secs(60),
        },
        attempts: random.choice([1, 2, 3, 4, 4, 4, 6, 10]).unwrap_or(4),
        connections: random.choice([1, 1, 1, 1, 2, 3, 4, 4, 8]).unwrap_or(4),
        requests_per_second: random.choice([0, 0, 0, 0, 0, 1, 7, 50]).unwrap_or(0),
    }
}

fn weather(random: &mut Rng) -> Weather {
    let (connect_rate, exchange_rate, kinds) = match random.u8(..) {
        0..40 => (0, 0, 0),
        40..140 => (random.u8(0..30), random.u8(5..60), random.usize(1..6)),
        140..210 => (random.u8(0..80), random.u8(60..200), random.usize(1..10)),
        210..230 => (0, 255, 1),
        230..240 => (255, 255, 1),
        _ => (10, 80, Fault::EXCHANGING.len()),
    };
    let mut exchange = Fault::EXCHANGING.to_vec();
    random.shuffle(&mut exchange);
    exchange.truncate(kinds);
    if random.u8(..) < 4 {
        // A service that lets nobody in.
        exchange = vec![Fault::TooMany];
    }
    let mut connect = Fault::CONNECTING.to_vec();
    random.shuffle(&mut connect);
    connect.truncate(random.usize(1..4));
    Weather {
        connect_rate,
        exchange_rate,
        connect,
        exchange,
        look_rate: if random.u8(..) < 10 { 2 } else { 0 },
        thread_rate: random.choice([0, 0, 50, 255]).unwrap_or(0),
        echoes: random.u8(..) < 80,
        honest_dates: random.bool(),
        latency: random.choice([1, 20, 20, 500]).unwrap_or(20),
        clears: random
            .bool()
            .then(|| Duration::from_millis(random.u64(0..120_000))),
    }
}

/// How requests are authorized: a token, a verbatim value or, if none, a signature.
fn first_authorization(sim: &Arc<Sim>, random: &mut Rng) -> Option<String> {
    let authorization = match random.u8(..3) {
        0 => Some(format!("Bearer {SECRET_MARK}-first-token")),
        1 => Some(format!("Bearer+{SECRET_MARK}-verbatim")),
        _ => None,
    };
    let mut stage = sim.stage();
    match &authorization {
        Some(value) => stage
            .watch
            .authorizations
            .push((Duration::ZERO, value.clone())),
        None => stage.watch.app = Some((APP_ID.into(), app_secret())),
    }
    stage.service.authorization.clone_from(&authorization);
    stage.service.date_status = random.choice([400, 401, 401]).unwrap_or(401);
    authorization
}

fn app_secret() -> String {
    format!("{SECRET_MARK}-secret")
}

fn client(sim: &Arc<Sim>, limits: &Limits, authorization: &Option<String>) -> Arc<Client> {
    let mut config = Config::new();
    let ms = |duration: Duration| duration.as_millis() as u64;
    config
        .set_endpoint(&format!("https://{HOST}"))
        .and_then(|()| config.set_user_id(DEFAULT_USER))
        .and_then(|()| config.set_connect_timeout_ms(ms(limits.connect_timeout)))
        .and_then(|()| config.set_request_timeout_ms(ms(limits.request_timeout)))
        .and_then(|()| config.set_run_timeout_ms(limits.run_timeout.map_or(0, ms)))
        .and_then(|()| config.set_max_outage_ms(ms(limits.max_outage)))
        .and_then(|()| config.set_max_attempts(limits.attempts))
        .and_then(|()| config.set_max_connections(limits.connections as u32))
        .and_then(|()| config.set_max_requests_per_second(limits.requests_per_second as u32))
        .expect("a config by the rules");
    if sim.stage().mutant == Some(Mutant::OutagesAreNotWaitedFor) {
        config.set_max_outage_ms(0).expect("a number");
    }
    match authorization {
        Some(value) => match value.strip_prefix("Bearer ") {
            Some(token) => config.set_access_token(token),
            None => config.set_authorization(value),
        },
        None => config.set_app_credentials(APP_ID, &app_secret()),
    }
    .expect("an authorization by the rules");
    let (transport, system) = (SimTransport(Arc::clone(sim)), SimSystem(Arc::clone(sim)));
    let client = Client::with_parts(&config, Box::new(transport), Box::new(system));
    Arc::new(client.expect("a client"))
}

/// How many groups of how many ids.
fn sizes(random: &mut Rng) -> Vec<usize> {
    let (groups, most) = match random.u16(..) {
        0..30_000 => (random.usize(1..6), 20),
        30_000..36_000 => (random.usize(1..4), 350),
        36_000..65_500 => (random.usize(10..200), 3),
        _ => return vec![100_000],
    };
    (0..groups).map(|_| random.usize(1..=most)).collect()
}

fn order(subject: Subject, service: &mut Service, random: &mut Rng) -> Order {
    let mut order = Order {
        plan: Plan::new(),
        errand: Errand::default(),
    };
    let absent = random.choice([0, 10, 128]).unwrap_or(0);
    let (poisonous, locked) = match random.u8(..) {
        0..30 => (random.u8(1..10), 0),
        30..60 => (0, 20),
        _ => (0, 0),
    };
    let prefix = random
        .choice(["184284671552", "0", "id\"", "1e", "x"])
        .unwrap_or("");
    let sizes = match subject {
        Subject::Everything => sizes(random),
        Subject::Crashes => (0..random.usize(1..6))
            .map(|_| random.usize(1..=5))
            .collect(),
    };
    for size in sizes {
        let user = match random.u8(..) {
            0..100 => None,
            100..180 => Some(DEFAULT_USER),
            180..240 => Some("1505084218764547201"),
            _ => Some("j\u{fc}rgen"),
        };
        let number = random.usize(..200);
        let device = match number {
            0 => "a b/\u{fc}?%41".to_owned(),
            _ => (1_842_812_272_691_451_648 + number).to_string(),
        };
        let resolved = user.unwrap_or(DEFAULT_USER);
        let group = service.find_group(resolved, &device);
        let group = group.unwrap_or_else(|| service.add_group(resolved, &device));
        let repeats = random.u8(..) < 20;
        let mut ids = Vec::with_capacity(size);
        for index in 0..size {
            let number = if repeats { random.usize(..size) } else { index };
            // A letter more keeps what begins with digits and an `e` from being a damaged number.
            let id = format!(
                "{prefix}{number:07}{}",
                if prefix == "1e" { "a" } else { "" }
            );
            let nature = match random.u8(..) {
                chance if chance < poisonous => Nature::Poisonous,
                chance if chance < locked => Nature::Locked,
                _ => Nature::Ordinary,
            };
            let exists = random.u8(..) >= absent;
            order
                .errand
                .scopes
                .push(service.add_scope(group, &id, nature, exists));
            ids.push(id);
        }
        let added = match random.bool() {
            true => order
                .plan
                .add(user, &device, ids.iter().map(String::as_str)),
            false => order
                .plan
                .add_lines(user, &device, &ids.join("\n"), Some(size)),
        };
        added.expect("ids by the rules");
    }
    order
}

/// What happens outside while the client works.
fn happenings(sim: &Arc<Sim>, client: &Arc<Client>, random: &mut Rng) {
    let lead = match random.u8(..) {
        0..190 => random.i64(-4_000..=4_000),
        190..220 => random.i64(-3_600_000..=3_600_000),
        _ => random.i64(-300_000_000_000..=300_000_000_000),
    };
    {
        let mut stage = sim.stage();
        if random.u8(..) < 3 {
            stage.wall_jump = random.i64(-20_000..=20_000);
        }
        stage.set_wall_lead(lead);
        if random.u8(..) < 25 {
            stage.service.forbidden_user = Some("1505084218764547201".into());
        }
    }
    if random.u8(..) < 25 {
        let (jumping, jump) = (Arc::clone(sim), random.i64(-4_000_000..=4_000_000));
        sim.world.set_alarm(moment(sim, random), move || {
            jumping
                .world
                .note("clock jumps", 0, || format!("by {jump} ms"));
            let mut stage = jumping.stage();
            stage.wall_lead += jump;
            stage.watch.clock_is_right = false;
        });
    }
    let authorization = sim.stage().service.authorization.clone();
    if let Some(old) = authorization
        && random.u8(..) < 40
    {
        let new = format!("{old}-renewed");
        let (expiring, value) = (Arc::clone(sim), new.clone());
        sim.world.set_alarm(moment(sim, random), move || {
            expiring.stage().service.authorization = Some(value);
        });
        if random.bool() {
            let (renewing, client) = (Arc::clone(sim), Arc::clone(client));
            sim.world.set_alarm(moment(sim, random), move || {
                authorize(&renewing, &client, &new, renewing.world.now());
            });
        }
    }
}

/// The caller may cancel the run, and once more.
pub fn foresee_cancels(sim: &Arc<Sim>, run: usize) {
    let mut random = sim.world.random(Rng::fork);
    if random.u8(..) >= 60 {
        return;
    }
    for _ in 0..random.usize(1..3) {
        let cancelling = Arc::clone(sim);
        sim.world.set_alarm(moment(sim, &mut random), move || {
            let now = cancelling.world.now();
            cancelling
                .world
                .note("cancel", run as u64, || format!("of run {run}"));
            let mut stage = cancelling.stage();
            let run = stage.watch.run(run);
            run.cancelled.get_or_insert(now);
            run.monitor.cancel();
        });
    }
}

pub fn moment(sim: &Sim, random: &mut Rng) -> Moment {
    let magnitude = random.u32(3..16);
    let distance = random.u64(0..1 << magnitude);
    match random.bool() {
        true => Moment::Step(sim.world.steps() + distance / 16),
        false => Moment::At(sim.world.now() + Duration::from_millis(distance)),
    }
}
