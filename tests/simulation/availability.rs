//! How a run fares with a service that limits the rate, or that is down for a while, in simulated time: on
//! a network of 20 ms with a jitter of a fifth.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::context::CallContext;
use koodrive::error::{Error, ErrorKind};
use koodrive::event::EventKind;
use koodrive::failure::{Failure, FailureKind};
use koodrive::monitor::Monitor;
use koodrive::plan::Plan;
use koodrive::report::{Outcome, Report};
use koodrive::transport::{Connection, HttpRequest, HttpResponse, Transport};
use ureq::http::{HeaderValue, Response, header};

use crate::network::{Sim, SimSystem};
use crate::request::{self, Asks, HOST};
use crate::run::Errand;
use crate::scenario::idle_sim;

/// What the gateway allows.
#[derive(Clone, Copy, Debug)]
struct Limit {
    per_second: f64,
    /// So many requests may come at once.
    bucket: f64,
    retry_after: Option<&'static str>,
}

/// What a service that is down does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failing {
    Status(u16),
    Page,
    Reset,
    Refused,
    Silent,
    /// The connection is lost, and from then on the process has no descriptor for another.
    Exhausted,
}

impl Failing {
    /// Those that a service does by itself.
    const ALL: [Self; 6] = [
        Self::Status(502),
        Self::Status(503),
        Self::Page,
        Self::Reset,
        Self::Refused,
        Self::Silent,
    ];
}

#[derive(Clone, Copy, Debug)]
struct Outage {
    begin: Duration,
    end: Duration,
    failing: Failing,
}

/// A gateway before a service.
struct Gateway {
    limit: Option<Limit>,
    tokens: f64,
    filled_at: Duration,
    outage: Option<Outage>,
    /// This id is deleted in an outage, too.
    spared: Option<&'static str>,
    /// It fails so at this id.
    spoiled: Option<(&'static str, Failing)>,
    /// For so many more connections the process has descriptors.
    descriptors: usize,
    deleted: HashSet<String>,
    /// Those that were deleted and not told so.
    untold: HashSet<String>,
    log: Vec<(Duration, Sent)>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Accepted,
    Throttled,
    Failed,
}

impl Gateway {
    fn new(limit: Option<Limit>, outage: Option<Outage>) -> Self {
        Self {
            limit,
            tokens: limit.map_or(0.0, |limit| limit.bucket),
            filled_at: Duration::ZERO,
            outage,
            spared: None,
            spoiled: None,
            descriptors: usize::MAX,
            deleted: HashSet::new(),
            untold: HashSet::new(),
            log: Vec::new(),
        }
    }

    /// What it does with a request of these ids, or with a connection, if not what it should.
    fn failing(&self, now: Duration, ids: &[String]) -> Option<Failing> {
        if let Some((_, failing)) = self
            .spoiled
            .filter(|(id, _)| ids.iter().any(|own| own == id))
        {
            return Some(failing);
        }
        if ids.iter().any(|id| self.spared == Some(id)) {
            return None;
        }
        let outage = self.outage?;
        (outage.begin..outage.end)
            .contains(&now)
            .then_some(outage.failing)
    }

    /// Whether the limit lets a request pass.
    fn admit(&mut self, now: Duration) -> bool {
        let Some(limit) = self.limit else { return true };
        let new = (now - self.filled_at).as_secs_f64() * limit.per_second;
        self.tokens = (self.tokens + new).min(limit.bucket);
        self.filled_at = now;
        let admitted = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(admitted));
        admitted
    }

    fn count(&self, sent: Sent, time: std::ops::Range<Duration>) -> usize {
        let log = self.log.iter();
        log.filter(|(at, what)| *what == sent && time.contains(at))
            .count()
    }
}

struct GatewayTransport {
    sim: Arc<Sim>,
    gateway: Arc<Mutex<Gateway>>,
}

struct GatewayConnection {
    sim: Arc<Sim>,
    gateway: Arc<Mutex<Gateway>>,
    body: Vec<u8>,
    is_good: bool,
}

fn lock(gateway: &Mutex<Gateway>) -> MutexGuard<'_, Gateway> {
    gateway.lock().expect("no panic")
}

/// Half of the way there and back.
fn one_way(sim: &Sim) -> Duration {
    Duration::from_micros(sim.world.random(|random| random.u64(8_000..=12_000)))
}

fn failure(kind: FailureKind, possibly_executed: bool) -> Failure {
    Failure {
        possibly_executed,
        kind,
        message: format!("simulated: {kind:?}"),
    }
}

impl Transport for GatewayTransport {
    fn connect(&self, context: &CallContext) -> Result<Box<dyn Connection>, Failure> {
        self.sim.world.step("connect");
        self.sim
            .pass(one_way(&self.sim), context)
            .map_err(|kind| failure(kind, false))?;
        let mut gateway = lock(&self.gateway);
        let Some(descriptors) = gateway.descriptors.checked_sub(1) else {
            return Err(failure(FailureKind::NoResources, false));
        };
        gateway.descriptors = descriptors;
        if gateway.failing(self.sim.world.now(), &[]) == Some(Failing::Refused) {
            return Err(failure(FailureKind::Unreachable, false));
        }
        drop(gateway);
        Ok(Box::new(GatewayConnection {
            sim: Arc::clone(&self.sim),
            gateway: Arc::clone(&self.gateway),
            body: Vec::new(),
            is_good: true,
        }))
    }
}

impl Connection for GatewayConnection {
    fn exchange(
        &mut self,
        request: HttpRequest<'_>,
        context: &CallContext,
    ) -> Result<HttpResponse<'_>, Failure> {
        self.sim.world.step("exchange");
        let wire = request::read(&request.head, request.body).expect("a lawful request");
        let Asks::Deletion { ids, .. } = wire.asks else {
            panic!("these runs only delete");
        };
        self.is_good = false;
        let sim = Arc::clone(&self.sim);
        let broken = |kind| failure(kind, true);
        sim.pass(one_way(&sim), context).map_err(broken)?;
        let handled = self.handle(&ids);
        let way_back = match handled {
            Err(Failing::Silent) => Duration::MAX / 2,
            _ => one_way(&sim),
        };
        sim.pass(way_back, context).map_err(broken)?;
        let (status, retry_after) = match handled {
            Ok(Ok(())) => (200, None),
            Ok(Err(retry_after)) => (429, retry_after),
            Err(Failing::Status(status)) => (status, None),
            Err(Failing::Page) => (200, None),
            Err(_) => return Err(broken(FailureKind::Unreachable)),
        };
        self.is_good = true;
        let mut head = Response::new(());
        *head.status_mut() = status.try_into().expect("a status");
        if let Some(seconds) = retry_after {
            let value = HeaderValue::from_static(seconds);
            head.headers_mut().insert(header::RETRY_AFTER, value);
        }
        Ok(HttpResponse {
            head,
            body: &self.body,
        })
    }

    fn is_reusable(&mut self) -> bool {
        self.sim.world.step("is reusable");
        self.is_good
    }
}

impl GatewayConnection {
    /// What the service does with a request that arrives now: an answer, a throttle with its `Retry-After`,
    /// or a failure, perhaps after the work.
    fn handle(&mut self, ids: &[String]) -> Result<Result<(), Option<&'static str>>, Failing> {
        let now = self.sim.world.now();
        let mut gateway = lock(&self.gateway);
        if let Some(failing) = gateway.failing(now, ids) {
            gateway.log.push((now, Sent::Failed));
            if failing == Failing::Exhausted {
                gateway.descriptors = 0;
            }
            if self.sim.world.random(|random| random.bool()) {
                for id in ids {
                    if gateway.deleted.insert(id.clone()) {
                        gateway.untold.insert(id.clone());
                    }
                }
            }
            self.body = b"<html>We are back soon</html>".into();
            return Err(failing);
        }
        if !gateway.admit(now) {
            gateway.log.push((now, Sent::Throttled));
            self.body = br#"{"error_code":"APIGW.0308","error_msg":"throttled"}"#.into();
            return Ok(Err(gateway.limit.and_then(|limit| limit.retry_after)));
        }
        gateway.log.push((now, Sent::Accepted));
        let (deleted, absent): (Vec<_>, Vec<_>) = ids
            .iter()
            .partition(|id| gateway.deleted.insert((*id).clone()));
        let absent: Vec<_> = absent
            .iter()
            .map(|id| serde_json::json!({"scopeId": id, "errorCode": "15000418"}))
            .collect();
        let answer = serde_json::json!({
            "code": 0, "msg": "success", "scopeIdList": deleted, "failedScopeList": absent,
        });
        self.body = answer.to_string().into_bytes();
        Ok(Ok(()))
    }
}

/// A run of so many requests of one id each, and the gateway after it.
fn run(
    requests: usize,
    connections: u32,
    max_outage_ms: u64,
    gateway: Gateway,
    monitor: Option<&Monitor>,
) -> (Report, Option<Error>, Gateway, Duration) {
    let sim = idle_sim(u64::from(connections));
    let run = sim.stage().watch.begin(&Errand::default(), Duration::ZERO);
    sim.stage().watch.run(run).limits.connections = connections as usize;
    let gateway = Arc::new(Mutex::new(gateway));
    let transport = GatewayTransport {
        sim: Arc::clone(&sim),
        gateway: Arc::clone(&gateway),
    };
    let mut config = Config::new();
    config
        .set_endpoint(&format!("https://{HOST}"))
        .and_then(|()| config.set_user_id("1"))
        .and_then(|()| config.set_access_token("token"))
        .and_then(|()| config.set_request_timeout_ms(3_000))
        .and_then(|()| config.set_max_outage_ms(max_outage_ms))
        .and_then(|()| config.set_max_connections(connections))
        .expect("a config by the rules");
    let system = SimSystem(Arc::clone(&sim));
    let client = Client::with_parts(&config, Box::new(transport), Box::new(system));
    let client = client.expect("a client");
    let mut plan = Plan::new();
    for number in 0..requests {
        let id = number.to_string();
        plan.add(
            None,
            &format!("device {number}"),
            std::iter::once(id.as_str()),
        )
        .expect("an id by the rules");
    }
    let (report, error) = client.delete_plan(&plan, monitor).expect("a run");
    let took = sim.world.now();
    drop(client);
    let gateway = Arc::into_inner(gateway).expect("the last").into_inner();
    (report, error, gateway.expect("no panic"), took)
}

/// What a run against a limit came to, in parts of what was allowed and of what was sent.
#[derive(Debug)]
struct Use {
    accepted: f64,
    refused: f64,
    accepted_at_first: f64,
    refused_at_first: usize,
}

fn use_of(limit: Limit, connections: u32) -> Use {
    const END: Duration = Duration::from_secs(90);
    const FIRST: Duration = Duration::from_secs(10);
    let requests = (limit.per_second * 92.0 + limit.bucket) as usize;
    let (report, error, gateway, _) = run(
        requests,
        connections,
        60_000,
        Gateway::new(Some(limit), None),
        None,
    );
    assert!(error.is_none(), "{limit:?}: {error:?}");
    assert_eq!(report.tally(Outcome::Deleted as i32), requests, "{limit:?}");
    let allowed = |time: Duration| time.as_secs_f64() * limit.per_second;
    let later = FIRST..END;
    let (accepted, refused) = (
        gateway.count(Sent::Accepted, later.clone()) as f64,
        gateway.count(Sent::Throttled, later) as f64,
    );
    let at_first = Duration::ZERO..FIRST;
    Use {
        accepted: accepted / allowed(END - FIRST),
        refused: refused / (accepted + refused),
        accepted_at_first: gateway.count(Sent::Accepted, at_first.clone()) as f64 / allowed(FIRST),
        refused_at_first: gateway.count(Sent::Throttled, at_first),
    }
}

/// The limits, each with what must be accepted of what is allowed and the most that may be refused of
/// what is sent.
fn limits() -> Vec<(Limit, f64, f64)> {
    let mut all = Vec::new();
    let limit = |per_second, bucket, retry_after| Limit {
        per_second,
        bucket,
        retry_after,
    };
    for per_second in [10.0, 50.0, 200.0, 1000.0] {
        for bucket in [per_second / 5.0, per_second] {
            all.push((limit(per_second, bucket, None), 0.95, 0.02));
            all.push((limit(per_second, bucket, Some("1")), 0.80, 0.03));
        }
    }
    all.push((limit(10.0, 1.0, None), 0.75, 0.02));
    all.push((limit(50.0, 1.0, None), 0.75, 0.02));
    all.push((limit(1.0, 1.0, None), 0.75, 0.15));
    all
}

/// Whether so many connections can fill a rate, with 20 ms for each request.
fn can_fill(connections: u32, limit: Limit) -> bool {
    f64::from(connections) * 50.0 >= 1.2 * limit.per_second
}

fn check_limits(all: impl Fn(&Limit) -> bool, shown: bool) {
    let mut short = Vec::new();
    for (limit, accepted, refused) in limits().into_iter().filter(|(limit, ..)| all(limit)) {
        for connections in [1, 4, 16, 64] {
            if !can_fill(connections, limit) {
                continue;
            }
            let used = use_of(limit, connections);
            let line = format!(
                "{:>5}/s, bucket {:>5}, Retry-After {:?}, {connections:>2} connections: accepted {:.3}, \
                 refused {:.4}; at first {:.2}, {} requests",
                limit.per_second,
                limit.bucket,
                limit.retry_after,
                used.accepted,
                used.refused,
                used.accepted_at_first,
                used.refused_at_first
            );
            if shown {
                println!("{line}");
            }
            // A pause fills a bucket of 1000, which then hides the limit until much more is under way.
            let hidden = limit.bucket >= 1000.0 && limit.retry_after.is_some();
            let refused_at_first = connections as usize + if hidden { 60 } else { 20 };
            let is_enough = used.accepted >= accepted
                && used.refused <= refused
                && used.accepted_at_first >= 0.6
                && used.refused_at_first <= refused_at_first;
            if !is_enough {
                short.push(line);
            }
        }
    }
    assert!(short.is_empty(), "{short:#?}");
}

#[test]
fn low_limits_are_used_up_and_kept() {
    check_limits(|limit| limit.per_second <= 50.0, false);
}

#[test]
#[ignore = "takes minutes where it is not optimised"]
fn all_limits_are_used_up_and_kept() {
    check_limits(|_| true, true);
}

/// What was accepted before the first throttle says where to begin: from far below, the first seconds are lost.
#[test]
fn the_rate_begins_near_what_was_accepted() {
    let limit = Limit {
        per_second: 200.0,
        bucket: 40.0,
        retry_after: None,
    };
    let used = use_of(limit, 16);
    assert!(used.accepted_at_first >= 0.9, "{used:?}");
    assert!(used.refused_at_first <= 36, "{used:?}");
}

/// What was accepted in all, of a limit that takes a while to show, says nothing.
#[test]
fn the_rate_begins_near_what_was_accepted_lately() {
    let limit = Limit {
        per_second: 100.0,
        bucket: 1_000.0,
        retry_after: None,
    };
    let gateway = Gateway::new(Some(limit), None);
    let (report, error, gateway, took) = run(3_000, 4, 60_000, gateway, None);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(report.tally(Outcome::Deleted as i32), 3_000);
    let refused = gateway.count(Sent::Throttled, Duration::ZERO..Duration::MAX);
    assert!((1..=10).contains(&refused), "{refused}");
    assert!(took <= Duration::from_secs(22), "{took:?}");
}

#[test]
fn outages_are_waited_for() {
    for failing in Failing::ALL {
        for seconds in [5, 30] {
            for connections in [1, 4, 16] {
                let begin = Duration::from_secs(2);
                let outage = Outage {
                    begin,
                    end: begin + Duration::from_secs(seconds),
                    failing,
                };
                let case = format!("{outage:?} {connections}");
                let requests = 300 * connections as usize;
                let gateway = Gateway::new(None, Some(outage));
                let (report, error, gateway, _) = run(requests, connections, 60_000, gateway, None);
                assert!(error.is_none(), "{case}: {error:?}");
                let gone = report.tally(Outcome::Gone as i32);
                assert_eq!(gone, gateway.untold.len(), "{case}");
                let deleted = report.tally(Outcome::Deleted as i32);
                assert_eq!(deleted + gone, requests, "{case}");
                let failed = gateway.count(Sent::Failed, Duration::ZERO..Duration::MAX);
                assert!(failed <= 20 + connections as usize, "{case}: {failed} sent");
            }
        }
    }
}

/// As long as two requests are left neither is taken for the last one, which would be given up.
#[test]
fn an_outage_of_the_last_two_requests_is_waited_for() {
    for failing in [Failing::Status(502), Failing::Reset] {
        let outage = Outage {
            begin: Duration::ZERO,
            end: Duration::from_secs(5),
            failing,
        };
        let mut gateway = Gateway::new(None, Some(outage));
        gateway.spared = Some("0");
        let (report, error, _, _) = run(3, 3, 60_000, gateway, None);
        assert!(error.is_none(), "{failing:?}: {error:?}");
        let gone = report.tally(Outcome::Gone as i32);
        let deleted = report.tally(Outcome::Deleted as i32);
        assert_eq!(deleted + gone, 3, "{failing:?}");
    }
}

/// Requests take turns: one that always fails does not keep those of other workers from being tried.
#[test]
fn a_request_that_fails_lets_others_have_their_turn() {
    for spoiled in ["1", "2", "3", "4"] {
        let outage = Outage {
            begin: Duration::ZERO,
            end: Duration::from_secs(1),
            failing: Failing::Status(502),
        };
        let mut gateway = Gateway::new(None, Some(outage));
        gateway.spared = Some("0");
        gateway.spoiled = Some((spoiled, Failing::Status(500)));
        let (report, error, _, _) = run(5, 5, 60_000, gateway, None);
        assert_eq!(error.map(|error| error.kind), Some(ErrorKind::Service));
        // It, and perhaps one that had used up its attempts by then.
        let unknown = report.tally(Outcome::Unknown as i32);
        assert!((1..=2).contains(&unknown), "{spoiled}: {unknown}");
    }
}

/// A request that fails while others succeed is given up after its attempts, and nobody speaks of an outage.
#[test]
fn a_request_that_fails_alone_is_no_outage() {
    for connections in [4, 16] {
        let requests = 300 * connections as usize;
        let mut gateway = Gateway::new(None, None);
        gateway.spoiled = Some(("7", Failing::Status(500)));
        let monitor = Monitor::default();
        monitor.keep_events(100_000).expect("a number");
        let (report, error, gateway, _) =
            run(requests, connections, 60_000, gateway, Some(&monitor));
        assert_eq!(error.map(|error| error.kind), Some(ErrorKind::Service));
        assert_eq!(report.tally(Outcome::Deleted as i32), requests - 1);
        assert_eq!(report.outcome(7), Some(Outcome::Unknown));
        assert_eq!(
            gateway.count(Sent::Failed, Duration::ZERO..Duration::MAX),
            4
        );
        let events = std::iter::from_fn(|| monitor.next_event());
        let outages = events.filter(|event| event.kind == EventKind::OutageBegan);
        assert_eq!(outages.count(), 0, "{connections}");
    }
}

/// Where the process has no more connections, those who have one do all the work.
#[test]
fn one_connection_is_enough() {
    for connections in [1, 2, 16] {
        let mut gateway = Gateway::new(None, None);
        gateway.descriptors = 1;
        let (report, error, _, _) = run(100, connections, 60_000, gateway, None);
        assert!(error.is_none(), "{connections}: {error:?}");
        assert_eq!(report.tally(Outcome::Deleted as i32), 100, "{connections}");
    }
}

/// A request is left to those who have a connection; but not by the last.
#[test]
fn the_last_worker_keeps_its_request() {
    for connections in [1, 2, 4] {
        let mut gateway = Gateway::new(None, None);
        gateway.spoiled = Some(("99", Failing::Exhausted));
        let (report, error, _, _) = run(100, connections, 60_000, gateway, None);
        let kind = error.map(|error| error.kind);
        assert_eq!(kind, Some(ErrorKind::Unreachable), "{connections}");
        assert_eq!(report.tally(Outcome::Deleted as i32), 99, "{connections}");
        assert_eq!(report.outcome(99), Some(Outcome::Unknown), "{connections}");
    }
}

#[test]
fn longer_outages_end_the_run() {
    for failing in Failing::ALL {
        for connections in [1, 4, 16] {
            let begin = Duration::from_secs(2);
            let outage = Outage {
                begin,
                end: Duration::MAX,
                failing,
            };
            let case = format!("{outage:?} {connections}");
            let requests = 300 * connections as usize;
            let gateway = Gateway::new(None, Some(outage));
            let (report, error, gateway, took) = run(requests, connections, 20_000, gateway, None);
            let kind = error.expect("an error").kind;
            let expected = match failing {
                Failing::Status(_) => ErrorKind::Service,
                Failing::Page => ErrorKind::InvalidResponse,
                Failing::Reset | Failing::Refused | Failing::Exhausted => ErrorKind::Unreachable,
                Failing::Silent => ErrorKind::TimedOut,
            };
            assert_eq!(kind, expected, "{case}");
            // The last request has to connect, too.
            let most = Duration::from_millis(20_000 + 3_000 + 50);
            assert!(took <= begin + most, "{case}: {took:?}");
            assert!(took >= begin + Duration::from_secs(19), "{case}: {took:?}");
            let told = gateway.deleted.len() - gateway.untold.len();
            assert_eq!(report.tally(Outcome::Deleted as i32), told, "{case}");
            let unknown = report.tally(Outcome::Unknown as i32);
            assert!(unknown >= gateway.untold.len(), "{case}: {unknown}");
            let not_sent = report.tally(Outcome::NotSent as i32);
            assert_eq!(told + unknown + not_sent, requests, "{case}");
        }
    }
}
