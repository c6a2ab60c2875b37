//! Connections between two requests: a worker's own, and those kept between runs, so that many small
//! calls need no new handshakes.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use super::Connection;
use crate::system::System;

/// Shorter than what servers commonly allow, so that a request seldom meets a closing connection.
const MAX_IDLE: Duration = Duration::from_secs(15);

/// A client's idle connections.
#[derive(Default)]
pub(crate) struct IdleConnections(Mutex<Stack>);

#[derive(Default)]
struct Stack {
    /// The process that opened them. After a fork they are the parent's: the child must not use
    /// them, and closing its copies says nothing on them.
    owner: u32,
    connections: Vec<Idle>,
}

/// An open connection between two requests.
pub(crate) struct Idle {
    connection: Box<dyn Connection>,
    since: Instant,
    /// The monotonic clock stands still while the machine sleeps; this one does not.
    since_wall: SystemTime,
    /// It has carried nothing yet. The other side may have greeted, so a look says nothing.
    is_new: bool,
}

impl Idle {
    pub(crate) fn opened(connection: Box<dyn Connection>, system: &dyn System) -> Self {
        Self {
            is_new: true,
            ..Self::used(connection, system)
        }
    }

    pub(crate) fn used(connection: Box<dyn Connection>, system: &dyn System) -> Self {
        Self {
            connection,
            since: system.now(),
            since_wall: system.wall_clock(),
            is_new: false,
        }
    }

    /// Whether a request may go out on it now.
    pub(crate) fn is_good(&mut self, now: Instant, wall: SystemTime) -> bool {
        self.is_fresh(now, wall) && (self.is_new || self.connection.is_reusable())
    }

    pub(crate) fn into_connection(self) -> Box<dyn Connection> {
        self.connection
    }

    fn is_fresh(&self, now: Instant, wall: SystemTime) -> bool {
        let aged = now.saturating_duration_since(self.since);
        let aged_wall = wall.duration_since(self.since_wall).unwrap_or_default();
        aged.max(aged_wall) < MAX_IDLE
    }
}

impl IdleConnections {
    /// The connection that was used last and is still good.
    pub(crate) fn take(&self, now: Instant, wall: SystemTime) -> Option<Idle> {
        loop {
            let mut idle = self.stack().connections.pop()?;
            if idle.is_good(now, wall) {
                return Some(idle);
            }
        }
    }

    /// Keeps a connection for later runs if it is good, and at most `limit` of them.
    pub(crate) fn put(&self, mut idle: Idle, limit: usize, now: Instant, wall: SystemTime) {
        if idle.is_new || !idle.is_good(now, wall) {
            return;
        }
        let mut stack = self.stack();
        stack.connections.retain(|idle| idle.is_fresh(now, wall));
        if stack.connections.len() < limit {
            stack.connections.push(idle);
        }
    }

    fn stack(&self) -> std::sync::MutexGuard<'_, Stack> {
        let mut stack = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let process = std::process::id();
        if stack.owner != process {
            stack.owner = process;
            stack.connections.clear();
        }
        stack
    }
}
