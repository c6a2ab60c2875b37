//! Bytes: connections that carry one request and its response at a time. Nothing here knows what a
//! scope is.

mod blocking;
mod connector;
mod dial;
mod framing;
mod http;
mod pool;
mod resolver;
mod socket;
mod tls;
mod tunnel;
mod verifier;

use std::io;

use ureq::http as message;

use crate::context::CallContext;
use crate::failure::{Failure, FailureKind};
use crate::platform;

pub use connector::HttpTransport;
pub(crate) use pool::{ConnectionPool, PooledConnection};

/// What we call ourselves to the service and to proxies (RFC 9110, 10.1.5).
pub(crate) const USER_AGENT: &str = concat!("koodrive/", env!("CARGO_PKG_VERSION"));

/// Opens connections to the service.
pub trait Transport: Send + Sync {
    /// Opens one: name, TCP, proxy and TLS within the context given.
    fn connect(&self, context: &CallContext) -> Result<Box<dyn Connection>, Failure>;
}

/// An open connection, used by one thread at a time.
pub trait Connection: Send {
    /// Sends a request and reads the whole response. After a failure the connection is of no use.
    fn exchange(
        &mut self,
        request: HttpRequest<'_>,
        context: &CallContext,
    ) -> Result<HttpResponse<'_>, Failure>;

    /// Whether it can carry another request: the last response allowed it and nothing has come since,
    /// neither bytes nor an end.
    fn is_reusable(&mut self) -> bool;

    /// Gives back memory that it does not need while it rests.
    fn shrink(&mut self) {}
}

/// A request, but for the headers that frame it.
pub struct HttpRequest<'a> {
    /// Method, path and headers.
    pub head: message::Request<()>,
    /// None of a request that has no body, such as a GET.
    pub body: Option<&'a [u8]>,
    /// A response whose body is longer than so many bytes is an error.
    pub max_response_bytes: usize,
}

/// A whole response.
pub struct HttpResponse<'a> {
    /// Status and headers.
    pub head: message::Response<()>,
    /// The body, without any transfer encoding.
    pub body: &'a [u8],
}

/// A failure of the system before anything was sent.
fn of_system(what: &str, error: &io::Error) -> Failure {
    let kind = match platform::is_exhaustion(error) {
        true => FailureKind::NoResources,
        false => FailureKind::Unreachable,
    };
    Failure::unsent(kind, format!("{what}: {error}"))
}
