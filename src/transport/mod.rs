//! Bytes: connections that carry one request and its answer at a time. Nothing here knows what a
//! scope is.

mod blocking;
mod connector;
mod dial;
mod framing;
mod http;
mod idle;
mod lookup;
mod socket;
mod tls;
mod tunnel;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use ureq::http as message;

pub use connector::HttpTransport;
pub(crate) use idle::{Idle, IdleConnections};

/// Opens connections to the service.
pub trait Transport: Send + Sync {
    /// Opens one: name, TCP, proxy and TLS within the patience given.
    fn connect(&self, patience: &Patience) -> Result<Box<dyn Connection>, Failure>;
}

/// An open connection, used by one thread at a time.
pub trait Connection: Send {
    /// Sends a request and reads the whole answer. After a failure the connection is of no use.
    fn exchange(
        &mut self,
        request: message::Request<()>,
        body: &[u8],
        patience: &Patience,
    ) -> Result<Response<'_>, Failure>;

    /// Whether it can carry another request: the last answer allowed it and nothing has come since,
    /// neither bytes nor an end.
    fn is_reusable(&mut self) -> bool;

    /// Gives back memory that it does not need while it rests.
    fn shrink(&mut self) {}
}

/// A whole answer.
pub struct Response<'a> {
    /// Status and headers.
    pub head: message::Response<()>,
    /// The body, without any transfer encoding.
    pub body: &'a [u8],
}

/// How long to go on.
#[derive(Clone)]
pub struct Patience {
    /// When to give up.
    pub deadline: Instant,
    /// Asked often; `true` means to give up at once.
    pub interrupted: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for Patience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Patience")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Patience {
    /// Why to give up now, if so.
    pub(crate) fn exhausted(&self) -> Option<FailureKind> {
        if (self.interrupted)() {
            Some(FailureKind::Interrupted)
        } else if Instant::now() >= self.deadline {
            Some(FailureKind::TimedOut)
        } else {
            None
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Whether the request's last byte was handed to the kernel: it may have been carried out.
    pub exposed: bool,
    /// What went wrong.
    pub kind: FailureKind,
    /// The same in words.
    pub message: String,
}

impl Failure {
    /// A failure before anything was sent.
    pub(crate) fn unsent(kind: FailureKind, message: String) -> Self {
        Self {
            exposed: false,
            kind,
            message,
        }
    }

    /// A failure of the system before anything was sent.
    fn of_system(context: &str, error: &io::Error) -> Self {
        const EXHAUSTED: [i32; 5] = [
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOBUFS,
            libc::ENOMEM,
            libc::EADDRNOTAVAIL,
        ];
        let is_exhausted = |code| EXHAUSTED.contains(&code);
        let kind = match error.raw_os_error().is_some_and(is_exhausted) {
            true => FailureKind::NoResources,
            false => FailureKind::Unreachable,
        };
        Self::unsent(kind, format!("{context}: {error}"))
    }
}

/// What went wrong on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection, or it was lost.
    Unreachable,
    /// The process or the system has no descriptor, port or memory left for a connection.
    NoResources,
    /// The other side's certificate can't be trusted.
    Untrusted,
    /// The deadline passed.
    TimedOut,
    /// The caller gave up.
    Interrupted,
    /// What came is not an answer by the rules of HTTP.
    BadAnswer,
    /// The request can't be written: a bug of ours.
    BadRequest,
}
