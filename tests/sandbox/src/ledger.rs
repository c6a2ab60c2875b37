//! All that the sandbox received, and what became of it.

use serde::Serialize;

use crate::id::Id;
use crate::request::{Received, ids_in};

/// A snapshot of what the sandbox received and did.
#[derive(Clone, Debug, Serialize)]
pub struct Ledger {
    /// Sums over everything.
    pub totals: Totals,
    /// Every whole request in the order of receipt, which is also the order of execution.
    pub requests: Vec<Request>,
}

/// Sums over everything that was received.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Whole requests.
    pub requests: u64,
    /// Connections that ended amid a request.
    pub partial_requests: u64,
    /// Scopes deleted.
    pub deleted: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub open_connections: u64,
    /// The most connections that were ever open at once.
    pub peak_connections: u64,
}

/// A request that was received to its last byte.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// Its place in the ledger, from 0.
    pub sequence: u64,
    /// Its connection, from 0 in the order of acceptance.
    pub connection: u64,
    /// The HTTP method.
    pub method: String,
    /// Path and query as received.
    pub path: String,
    /// `X-User-Id`.
    pub user: Option<String>,
    /// The device, decoded from the path.
    pub device: Option<String>,
    /// The ids of the body, in order; none if the body can't be read.
    pub ids: Vec<String>,
    /// `X-Date`.
    pub x_date: Option<String>,
    /// The scheme of `Authorization`: `Bearer`, `HMAC-SHA256` or `other`. The rest is not kept.
    pub authorization: Option<&'static str>,
    /// The status of the answer; `None` if none was sent.
    pub status: Option<u16>,
    /// The name of the fault that befell it.
    pub fault: Option<&'static str>,
    /// Whether the service carried it out.
    pub executed: bool,
    /// The ids that it deleted.
    pub deleted: Vec<String>,
}

/// What became of a request.
pub(crate) struct Fate {
    pub status: Option<u16>,
    pub fault: Option<&'static str>,
    pub executed: bool,
    pub deleted: Deleted,
}

/// Which ids of a request were deleted: one bit each, for no more than 100 are ever executed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Deleted(u128);

impl Deleted {
    pub fn insert(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    fn contains(self, index: usize) -> bool {
        index < 128 && self.0 >> index & 1 == 1
    }
}

/// The ledger as it is kept: ids stay in the body that they came in, so a million need little room.
#[derive(Default)]
pub(crate) struct Book {
    pub totals: Totals,
    entries: Vec<Entry>,
    next_connection: u64,
}

struct Entry {
    connection: u64,
    received: Received,
    fate: Fate,
}

impl Book {
    /// The number of the request that is recorded next.
    pub fn next_sequence(&self) -> u64 {
        self.totals.requests
    }

    pub fn record(&mut self, connection: u64, received: Received, fate: Fate) {
        self.totals.requests += 1;
        self.totals.deleted += u64::from(fate.deleted.0.count_ones());
        self.entries.push(Entry {
            connection,
            received,
            fate,
        });
    }

    /// Counts a new connection, and says its number.
    pub fn open_connection(&mut self) -> u64 {
        let totals = &mut self.totals;
        totals.connections += 1;
        totals.open_connections += 1;
        totals.peak_connections = totals.peak_connections.max(totals.open_connections);
        self.next_connection += 1;
        self.next_connection - 1
    }

    pub fn close_connection(&mut self, amid_request: bool) {
        self.totals.open_connections -= 1;
        self.totals.partial_requests += u64::from(amid_request);
    }

    /// Forgets everything but the connections that are open.
    pub fn clear(&mut self) {
        let open = self.totals.open_connections;
        self.entries.clear();
        self.totals = Totals {
            open_connections: open,
            peak_connections: open,
            ..Totals::default()
        };
    }

    pub fn snapshot(&self) -> Ledger {
        let requests = (0..).zip(&self.entries);
        Ledger {
            totals: self.totals.clone(),
            requests: requests.map(|(n, entry)| entry.request(n)).collect(),
        }
    }
}

impl Entry {
    fn request(&self, sequence: u64) -> Request {
        let Self { received, fate, .. } = self;
        let ids = ids_in(&received.body).unwrap_or_default();
        let is_deleted = |(index, _): &(usize, &Id)| fate.deleted.contains(*index);
        let deleted = ids.iter().enumerate().filter(is_deleted);
        Request {
            sequence,
            connection: self.connection,
            method: received.method.to_string(),
            path: received.path.clone(),
            user: received.user.clone(),
            device: received.device.clone(),
            deleted: deleted.map(|(_, id)| id.to_string()).collect(),
            ids: ids.iter().map(Id::to_string).collect(),
            x_date: received.x_date.clone(),
            authorization: received.scheme,
            status: fate.status,
            fault: fate.fault,
            executed: fate.executed,
        }
    }
}
