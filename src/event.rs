//! What happens in a run, kept for whoever watches it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::sync::lock;

/// What kind of thing happened. The numbers are those of `KOODRIVE_EVENT_...` in the C interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum EventKind {
    /// A request was answered, or failed.
    Request = 1,
    /// A request will be sent again.
    Retry = 2,
    /// The service refused a request for its rate, and requests come more slowly from now on.
    Throttled = 3,
    /// The service is down.
    OutageBegan = 4,
    /// It answers again.
    OutageEnded = 5,
    /// Our clock was wrong.
    ClockCorrected = 6,
    /// Nothing new is sent.
    Stopping = 7,
    /// A request that failed is not sent again.
    GivenUp = 8,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Request,
        Self::Retry,
        Self::Throttled,
        Self::OutageBegan,
        Self::OutageEnded,
        Self::ClockCorrected,
        Self::Stopping,
        Self::GivenUp,
    ];

    /// Its name in the C interface.
    pub(crate) fn c_name(self) -> &'static CStr {
        match self {
            Self::Request => c"REQUEST",
            Self::Retry => c"RETRY",
            Self::Throttled => c"THROTTLED",
            Self::OutageBegan => c"OUTAGE_BEGAN",
            Self::OutageEnded => c"OUTAGE_ENDED",
            Self::ClockCorrected => c"CLOCK_CORRECTED",
            Self::Stopping => c"STOPPING",
            Self::GivenUp => c"GIVEN_UP",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// What kind of thing.
    pub kind: EventKind,
    /// The same in words: one line, without a secret.
    pub message: Cow<'static, str>,
    /// Whose request it is about.
    pub request: Option<RequestName>,
    /// The `X-Request-Id` of the response behind it.
    pub request_id: Option<String>,
    /// The HTTP status of that.
    pub http_status: Option<u16>,
    /// Since the run began.
    pub elapsed: Duration,
    /// How long the request took, or the outage lasted by then.
    pub duration: Duration,
    /// How many ids it concerns.
    pub scope_count: usize,
    /// Which try of the request it is about, from 1.
    pub attempt: u32,
    /// Requests a second from now on.
    pub rate: Option<f64>,
}

/// What tells a request from the others of its run, as C reads it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestName {
    /// The user.
    pub user_id: CString,
    /// The device, where the request is about one.
    pub device_id: Option<CString>,
    /// The first id that it holds: each stands in one request at a time.
    pub first_scope_id: Option<CString>,
}

/// The latest events, up to a number of them.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    capacity: AtomicUsize,
    events: Mutex<VecDeque<Event>>,
    dropped: AtomicUsize,
}

impl EventQueue {
    /// Keeps up to so many from now on, and none of those before.
    pub(crate) fn keep(&self, capacity: usize) {
        let mut events = lock(&self.events);
        *events = VecDeque::new();
        self.capacity.store(capacity, Ordering::Relaxed);
        self.dropped.store(0, Ordering::Relaxed);
    }

    pub(crate) fn keeps_any(&self) -> bool {
        self.capacity.load(Ordering::Relaxed) > 0
    }

    /// Adds an event, in place of the oldest if there is no room. The queue grows under its lock, by doubling: few
    /// runs fill a large one, and all of its memory at once would be gigabytes.
    pub(crate) fn push(&self, event: Event) {
        let mut events = lock(&self.events);
        if events.len() >= self.capacity.load(Ordering::Relaxed) {
            events.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        events.push_back(event);
    }

    /// Takes the oldest.
    pub(crate) fn pop(&self) -> Option<Event> {
        lock(&self.events).pop_front()
    }

    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Relaxed)
    }
}
