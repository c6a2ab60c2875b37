//! Connections kept between runs, so that many small calls need no new handshakes.

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

struct Idle {
    connection: Box<dyn Connection>,
    since: Instant,
    /// The monotonic clock stands still while the machine sleeps; this one does not.
    since_wall: SystemTime,
}

impl IdleConnections {
    /// The connection that was used last, if it is still good.
    pub(crate) fn take(&self, system: &dyn System) -> Option<Box<dyn Connection>> {
        let (now, wall) = (system.now(), system.wall_clock());
        loop {
            let mut idle = self.stack().connections.pop()?;
            if idle.is_fresh(now, wall) && idle.connection.is_reusable() {
                return Some(idle.connection);
            }
        }
    }

    /// Keeps at most `limit` connections for later runs.
    pub(crate) fn put(&self, connection: Box<dyn Connection>, limit: usize, system: &dyn System) {
        let (since, since_wall) = (system.now(), system.wall_clock());
        let mut stack = self.stack();
        stack
            .connections
            .retain(|idle| idle.is_fresh(since, since_wall));
        if stack.connections.len() < limit {
            stack.connections.push(Idle {
                connection,
                since,
                since_wall,
            });
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

impl Idle {
    fn is_fresh(&self, now: Instant, wall: SystemTime) -> bool {
        let aged = now.saturating_duration_since(self.since);
        let aged_wall = wall.duration_since(self.since_wall).unwrap_or_default();
        aged.max(aged_wall) < MAX_IDLE
    }
}
