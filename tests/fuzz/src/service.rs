//! A service that follows a script, and a machine whose time costs nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use koodrive::context::CallContext;
use koodrive::failure::{Failure, FailureKind};
use koodrive::system::{Gate, System};
use koodrive::transport::{Connection, HttpRequest, HttpResponse, Transport};

use crate::json::{self, Value};
use crate::script::{Answer, Reply};

/// What a wall clock shows that is right.
pub const NOVEMBER_2025: u64 = 1_762_153_300;

/// How long each request takes.
const LATENCY: Duration = Duration::from_millis(10);

/// In a header or a body of a script, these stand for what the request carried: the whole
/// Authorization, and its last word or signature.
const ECHO: [&[u8]; 2] = [b"%A", b"%T"];

/// One request and what came back.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Since the start, on the monotonic clock.
    pub sent: Duration,
    pub answered: Duration,
    /// Method, path and query.
    pub line: String,
    pub ids: Vec<String>,
    pub authorization: String,
    pub x_date: String,
    pub reply: Reply,
}

/// The service, the network and the machine, in one.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>);

struct State {
    start: Instant,
    wall_start: SystemTime,
    elapsed: Duration,
    script: std::vec::IntoIter<Reply>,
    exchanges: Vec<Exchange>,
    chance: u64,
}

impl World {
    /// A world whose wall clock shows `unix_seconds` at the start.
    pub fn new(script: Vec<Reply>, unix_seconds: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            start: Instant::now(),
            wall_start: UNIX_EPOCH + Duration::from_secs(unix_seconds),
            elapsed: Duration::ZERO,
            script: script.into_iter(),
            exchanges: Vec::new(),
            chance: 0,
        })))
    }

    /// All that happened so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.state().exchanges.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl System for World {
    fn now(&self) -> Instant {
        let state = self.state();
        state.start + state.elapsed
    }

    fn wall_clock(&self) -> SystemTime {
        let state = self.state();
        state.wall_start + state.elapsed
    }

    fn uptime(&self) -> Duration {
        self.state().elapsed
    }

    /// There is one worker, for which every gate is open.
    fn enter(&self, gate: &Gate) {
        assert!(
            gate.stand_in_line().is_admitted(),
            "one worker waits for itself"
        );
    }

    fn leave(&self, gate: &Gate) {
        gate.leave();
    }

    fn wait(&self, until: Instant, interrupted: &dyn Fn() -> bool) {
        if !interrupted() {
            let mut state = self.state();
            state.elapsed = state
                .elapsed
                .max(until.saturating_duration_since(state.start));
        }
    }

    fn random(&self) -> u64 {
        let mut state = self.state();
        state.chance = state.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.chance
    }

    fn run_workers(&self, _count: usize, work: &(dyn Fn() + Sync)) {
        work();
    }
}

impl Transport for World {
    fn connect(&self, _patience: &CallContext) -> Result<Box<dyn Connection>, Failure> {
        Ok(Box::new(Wire {
            world: self.clone(),
            body: Vec::new(),
        }))
    }
}

struct Wire {
    world: World,
    body: Vec<u8>,
}

impl Connection for Wire {
    fn exchange(
        &mut self,
        request: HttpRequest<'_>,
        _: &CallContext,
    ) -> Result<HttpResponse<'_>, Failure> {
        let header = |name: &str| {
            let value = request.head.headers().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        let authorization = header("authorization");
        let mut state = self.world.state();
        let reply = match state.script.next() {
            Some(Reply::Answer(answer)) => Reply::Answer(with_echoes(answer, &authorization)),
            other => other.unwrap_or(Reply::Unsent),
        };
        let sent = state.elapsed;
        state.elapsed += LATENCY;
        let exchange = Exchange {
            sent,
            answered: state.elapsed,
            line: format!("{} {}", request.head.method(), request.head.uri()),
            ids: asked_ids(request.body.unwrap_or_default()),
            authorization,
            x_date: header("x-date"),
            reply: reply.clone(),
        };
        state.exchanges.push(exchange);
        drop(state);
        match reply {
            Reply::Answer(answer) => {
                self.body = answer.body;
                let mut head = http::Response::new(());
                *head.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or_default();
                *head.headers_mut() = answer.headers;
                Ok(HttpResponse {
                    head,
                    body: &self.body,
                })
            }
            Reply::Lost => Err(lost(true)),
            Reply::Unsent => Err(lost(false)),
        }
    }

    fn is_reusable(&mut self) -> bool {
        true
    }
}

fn lost(possibly_executed: bool) -> Failure {
    Failure {
        possibly_executed,
        kind: FailureKind::Unreachable,
        message: "the connection was lost".to_owned(),
    }
}

/// The ids of a request, as the API reference writes them; nothing else may stand in it.
fn asked_ids(body: &[u8]) -> Vec<String> {
    let body = std::str::from_utf8(body).ok().and_then(json::read);
    let Some(Value::Object(members)) = body else {
        return Vec::new();
    };
    match &members[..] {
        [(Some(name), Value::Array(ids))] if name == "scopeIdList" => {
            let text = |id: &Value| match id {
                Value::String(text) => text.clone(),
                _ => None,
            };
            ids.iter().filter_map(text).collect()
        }
        _ => Vec::new(),
    }
}

/// What of an Authorization must not be seen: its last word, which may be a signature.
pub fn secret_part(authorization: &str) -> &str {
    let last = authorization.rsplit([' ', '+', '=']).next();
    last.unwrap_or(authorization)
}

fn with_echoes(mut answer: Answer, authorization: &str) -> Answer {
    let by = [authorization, secret_part(authorization)];
    answer.body = replace(&answer.body, by);
    for value in answer.headers.values_mut() {
        if let Ok(echo) = http::HeaderValue::from_bytes(&replace(value.as_bytes(), by)) {
            *value = echo;
        }
    }
    answer
}

fn replace(text: &[u8], by: [&str; 2]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(byte) = rest.first() {
        match ECHO.iter().position(|name| rest.starts_with(name)) {
            Some(which) => {
                replaced.extend_from_slice(by[which].as_bytes());
                rest = &rest[ECHO[which].len()..];
            }
            None => {
                replaced.push(*byte);
                rest = &rest[1..];
            }
        }
    }
    replaced
}
