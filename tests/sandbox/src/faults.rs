//! Faults on request: what goes wrong, and for which requests.

use std::num::NonZeroU64;
use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;

use crate::answer::{Answer, Reply, Shape};
use crate::id::Id;
use crate::wire::Pace;

/// Which requests a fault befalls. The first rule that matches a request decides.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The requests.
    #[serde(default, rename = "match")]
    pub requests: Match,
    /// What happens to them.
    pub fault: Fault,
}

/// A choice of requests by their sequence numbers in the ledger, and by whom they are for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// The first sequence number.
    pub from: u64,
    /// How many sequence numbers; no limit when absent.
    pub count: Option<u64>,
    /// Of those, every `every`th, beginning with the first.
    pub every: Option<NonZeroU64>,
    /// Only requests that arrive so many milliseconds after the faults were set, or later.
    pub from_ms: u64,
    /// And for so many milliseconds; no limit when absent.
    pub for_ms: Option<u64>,
    /// Only requests of this user.
    pub user: Option<String>,
    /// Only requests for this device.
    pub device: Option<String>,
}

/// What goes wrong. Unless said otherwise the request is executed as usual.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Executed at once, answered after so many milliseconds.
    LatencyMs(u64),
    /// Not executed; answered with this status.
    Status {
        /// The HTTP status.
        status: u16,
        /// The `Retry-After` header: seconds or an HTTP date.
        #[serde(default)]
        retry_after: Option<String>,
        /// The body; a gateway's error when absent.
        #[serde(default)]
        body: Option<String>,
        /// The `Content-Type` header; JSON when absent.
        #[serde(default)]
        content_type: Option<String>,
    },
    /// Not executed; sent elsewhere.
    Redirect {
        /// The HTTP status.
        status: u16,
        /// The `Location` header.
        location: String,
    },
    /// Executed; the connection is closed without an answer.
    LoseAnswer,
    /// Not executed; the connection is closed without an answer.
    DropBefore,
    /// The connection is reset (RST) without an answer.
    Reset {
        /// Whether the request is executed.
        executed: bool,
    },
    /// No answer until the client gives up.
    Hang {
        /// Whether the request is executed.
        executed: bool,
    },
    /// The connection is closed after so many bytes of the answer, its head included.
    Truncate {
        /// Bytes that still get through.
        bytes: usize,
    },
    /// The answer arrives byte by byte.
    Drip {
        /// Milliseconds from one byte to the next.
        interval_ms: u64,
    },
    /// Answered with status 200 and this body.
    Body {
        /// Whether the request is executed.
        executed: bool,
        /// The body.
        body: String,
    },
    /// The answer says that this id, which nobody asked for, was deleted.
    Stranger(Id),
    /// The answer leaves out the first so many ids of the request.
    Omit(usize),
    /// The answer names the first id twice.
    Twice,
    /// The answer says the same in another form.
    Shape(Shape),
}

/// How a connection ends that gives no answer.
#[derive(Clone, Copy)]
pub(crate) enum Silence {
    Close,
    Reset,
    Hang,
}

impl Rule {
    /// The fault befalls every request.
    pub fn always(fault: Fault) -> Self {
        let requests = Match::default();
        Self { requests, fault }
    }

    /// The fault befalls the requests with these sequence numbers.
    pub fn during(sequence: Range<u64>, fault: Fault) -> Self {
        let requests = Match {
            from: sequence.start,
            count: Some(sequence.end.saturating_sub(sequence.start)),
            ..Match::default()
        };
        Self { requests, fault }
    }
}

impl Match {
    /// Whether a request is one of these, `age` after the faults were set.
    pub(crate) fn covers(
        &self,
        sequence: u64,
        user: Option<&str>,
        device: Option<&str>,
        age: Duration,
    ) -> bool {
        let Some(offset) = sequence.checked_sub(self.from) else {
            return false;
        };
        let is = |wanted: &Option<String>, actual: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == actual
        };
        let elapsed = age.checked_sub(Duration::from_millis(self.from_ms));
        let within = |elapsed: Duration| {
            let limit = self.for_ms.map(Duration::from_millis);
            limit.is_none_or(|limit| elapsed < limit)
        };
        elapsed.is_some_and(within)
            && self.count.is_none_or(|count| offset < count)
            && self.every.is_none_or(|every| offset % every == 0)
            && is(&self.user, user)
            && is(&self.device, device)
    }
}

impl Fault {
    /// The fault's name in JSON, as the ledger shows it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::LatencyMs(_) => "latency_ms",
            Self::Status { .. } => "status",
            Self::Redirect { .. } => "redirect",
            Self::LoseAnswer => "lose_answer",
            Self::DropBefore => "drop_before",
            Self::Reset { .. } => "reset",
            Self::Hang { .. } => "hang",
            Self::Truncate { .. } => "truncate",
            Self::Drip { .. } => "drip",
            Self::Body { .. } => "body",
            Self::Stranger(_) => "stranger",
            Self::Omit(_) => "omit",
            Self::Twice => "twice",
            Self::Shape(_) => "shape",
        }
    }

    pub(crate) fn lets_execute(&self) -> bool {
        match self {
            Self::Status { .. } | Self::Redirect { .. } | Self::DropBefore => false,
            Self::Reset { executed } | Self::Hang { executed } | Self::Body { executed, .. } => {
                *executed
            }
            _ => true,
        }
    }

    /// The reply that takes the place of the service's own.
    pub(crate) fn reply(&self, request_id: &str) -> Option<Reply> {
        match self {
            Self::Status {
                status,
                retry_after,
                body,
                content_type,
            } => {
                let mut reply = match body {
                    Some(body) => Reply::json(*status, body.clone()),
                    None => Reply::gateway(*status, request_id, "The request was refused"),
                };
                reply.header("retry-after", retry_after.as_deref());
                reply.header("content-type", content_type.as_deref());
                Some(reply)
            }
            Self::Redirect { status, location } => {
                let mut reply = Reply::empty(*status);
                reply.header("location", Some(location));
                Some(reply)
            }
            Self::Body { body, .. } => Some(Reply::json(200, body.clone())),
            _ => None,
        }
    }

    /// Changes what the answer says.
    pub(crate) fn distort(&self, answer: &mut Answer, asked: &[Id]) {
        answer.shape = self.shape();
        match self {
            Self::Stranger(id) => answer.name_deleted(id.clone()),
            Self::Omit(count) => answer.omit(&asked[..asked.len().min(*count)]),
            Self::Twice => answer.repeat_first(),
            _ => {}
        }
    }

    /// In which form it is said.
    pub(crate) fn shape(&self) -> Option<Shape> {
        match self {
            Self::Shape(shape) => Some(*shape),
            _ => None,
        }
    }

    /// What happens in place of an answer.
    pub(crate) fn silence(&self) -> Option<Silence> {
        match self {
            Self::LoseAnswer | Self::DropBefore => Some(Silence::Close),
            Self::Reset { .. } => Some(Silence::Reset),
            Self::Hang { .. } => Some(Silence::Hang),
            _ => None,
        }
    }

    pub(crate) fn pace(&self) -> Pace {
        match self {
            Self::Truncate { bytes } => Pace::Cut(*bytes),
            Self::Drip { interval_ms } => Pace::Drip(Duration::from_millis(*interval_ms)),
            _ => Pace::Whole,
        }
    }

    pub(crate) fn latency(&self) -> Duration {
        match self {
            Self::LatencyMs(milliseconds) => Duration::from_millis(*milliseconds),
            _ => Duration::ZERO,
        }
    }
}
