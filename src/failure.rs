//! Why a request has no response.

/// Why a request has no response.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Whether the request's last byte was handed to the kernel: it may have been executed.
    pub possibly_executed: bool,
    /// What went wrong.
    pub kind: FailureKind,
    /// The same in words.
    pub message: String,
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
    /// The caller or the run gave up.
    Cancelled,
    /// What came is not a response by the rules of HTTP.
    InvalidResponse,
    /// The request can't be written: a bug of ours.
    InvalidRequest,
}

impl Failure {
    /// A failure before anything was sent.
    pub(crate) fn unsent(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            possibly_executed: false,
            kind,
            message: message.into(),
        }
    }
}
