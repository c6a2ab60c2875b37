//! Connections between two requests: a worker's own, and those kept between runs, so that many small
//! calls need no new handshakes.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::Connection;
use crate::sync::lock;

/// Shorter than what servers commonly allow, so that a request seldom meets a closing connection.
const MAX_IDLE: Duration = Duration::from_secs(15);

/// A client's idle connections.
pub(crate) struct ConnectionPool {
    max_connections: usize,
    stack: Mutex<Stack>,
}

#[derive(Default)]
struct Stack {
    /// The process that opened them. After a fork they are the parent's: the child must not use
    /// them, and closing its copies says nothing on them.
    owner: u32,
    connections: Vec<PooledConnection>,
}

/// An open connection between two requests.
pub(crate) struct PooledConnection {
    connection: Box<dyn Connection>,
    /// When it was opened or carried its last request, by the system's uptime.
    since: Duration,
}

impl PooledConnection {
    pub(crate) fn new(connection: Box<dyn Connection>, uptime: Duration) -> Self {
        Self {
            connection,
            since: uptime,
        }
    }

    /// Whether a request may go out on it now.
    pub(crate) fn is_good(&mut self, uptime: Duration) -> bool {
        self.is_fresh(uptime) && self.connection.is_reusable()
    }

    /// The connection, and where to note when it was used last.
    pub(crate) fn for_use(&mut self) -> (&mut dyn Connection, &mut Duration) {
        (self.connection.as_mut(), &mut self.since)
    }

    fn is_fresh(&self, uptime: Duration) -> bool {
        uptime.saturating_sub(self.since) < MAX_IDLE
    }
}

impl ConnectionPool {
    pub(crate) fn new(max_connections: usize) -> Self {
        Self {
            max_connections,
            stack: Mutex::default(),
        }
    }

    /// The connection that was used last and is still good.
    pub(crate) fn take(&self, uptime: Duration) -> Option<PooledConnection> {
        loop {
            let mut idle = self.stack().connections.pop()?;
            if idle.is_good(uptime) {
                return Some(idle);
            }
        }
    }

    /// Keeps a connection for later runs if it is good and there is room.
    pub(crate) fn put(&self, mut idle: PooledConnection, uptime: Duration) {
        if !idle.is_good(uptime) {
            return;
        }
        let mut stack = self.stack();
        stack.connections.retain(|idle| idle.is_fresh(uptime));
        if stack.connections.len() < self.max_connections {
            idle.connection.shrink();
            stack.connections.push(idle);
        }
    }

    fn stack(&self) -> MutexGuard<'_, Stack> {
        let mut stack = lock(&self.stack);
        let process = std::process::id();
        if stack.owner != process {
            stack.owner = process;
            stack.connections.clear();
        }
        stack
    }
}
