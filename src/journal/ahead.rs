//! How many batches are written down ahead of their requests.

use std::time::{Duration, Instant};

/// Batches are written down ahead of the requests, for one flush to the disk serves them all; but of those that
/// a crash keeps from being sent a next run knows less than it could. At first so many for each connection.
const FIRST_BATCHES_AHEAD: usize = 2;
/// Where requests are so quick that a flush for these would come more often than this, there are more.
const FLUSH_INTERVAL: Duration = Duration::from_millis(100);
const MOST_BATCHES_AHEAD: usize = 256;

/// How many batches are written down ahead.
#[derive(Default)]
pub(super) struct Ahead {
    batches: usize,
    last_flush: Option<Instant>,
}

impl Ahead {
    /// Of a run over so many connections that needs the next ones now.
    pub(super) fn next(&mut self, connections: usize, now: Instant) -> usize {
        let least = FIRST_BATCHES_AHEAD * connections;
        let last = self.last_flush.replace(now);
        self.batches = match last.map(|last| now - last) {
            Some(interval) if interval < FLUSH_INTERVAL => self.batches * 2,
            Some(interval) if interval > 4 * FLUSH_INTERVAL => self.batches / 2,
            _ => self.batches,
        };
        self.batches = self.batches.clamp(least, least.max(MOST_BATCHES_AHEAD));
        self.batches
    }
}
