//! Why a call as a whole did not do all that it was asked.

use std::fmt;

/// The kinds of failure. The numbers are those of `KOODRIVE_ERROR_...` in the C interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum ErrorKind {
    /// An argument breaks a rule; nothing was sent.
    InvalidArgument = 1,
    /// The service answered 401: the authorization is not, or no longer, good.
    Unauthorized = 2,
    /// No connection to the service: name, connect, proxy, certificate, or it was lost.
    Unreachable = 3,
    /// The run's deadline passed, or an attempt's.
    TimedOut = 4,
    /// The caller cancelled the run.
    Cancelled = 5,
    /// The service refused a request as a whole.
    Service = 6,
    /// The service's response could not be understood or trusted.
    InvalidResponse = 7,
    /// A bug in this library.
    Internal = 8,
    /// The journal can't be written: nothing more was sent.
    Journal = 9,
}

/// Why a call failed, with what the service said where it said something.
#[derive(Clone, Debug)]
pub struct Error {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// The same in words. Never holds a secret.
    pub message: String,
    /// The HTTP status of the response behind it.
    pub http_status: Option<u16>,
    /// The service's code in that response.
    pub service_code: Option<String>,
    /// The response's `X-Request-Id`.
    pub request_id: Option<String>,
    /// Whether the same again, later and unchanged, may succeed.
    pub retryable: bool,
}

impl Error {
    /// A failure without a response behind it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            http_status: None,
            service_code: None,
            request_id: None,
            retryable: matches!(kind, ErrorKind::Unreachable | ErrorKind::TimedOut),
        }
    }

    /// An argument that breaks a rule.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
