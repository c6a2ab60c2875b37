//! Opens connections to one service: name, TCP, proxy, TLS.

use std::sync::Arc;

use rustls::RootCertStore;
use ureq::unversioned::transport::Transport as Wire;

use super::dial::dial;
use super::http::HttpConnection;
use super::resolver::Resolver;
use super::socket::{IoState, SocketTransport};
use super::tls::Tls;
use super::{Connection, Transport, tunnel};
use crate::context::CallContext;
use crate::endpoint::{Endpoint, Proxy, bare_host};
use crate::failure::{Failure, FailureKind};

/// Opens connections to one service.
pub struct HttpTransport {
    /// Of the proxy, where there is one: it looks up the service itself.
    lookup: Resolver,
    /// Plain HTTP goes nowhere but to this machine, whatever the name resolves to.
    loopback_only: bool,
    /// The service's host and port, for the proxy.
    target: String,
    proxy: Option<Proxy>,
    tls: Option<Tls>,
}

impl HttpTransport {
    /// For an endpoint, trusting `roots` or else the platform's certificates.
    pub fn new(
        endpoint: &Endpoint,
        proxy: Option<&Proxy>,
        roots: Option<RootCertStore>,
    ) -> Result<Self, String> {
        let tls = match endpoint.https {
            true => Some(Tls::new(&endpoint.host, roots)?),
            false => None,
        };
        let lookup = match proxy.map(Proxy::as_ureq) {
            Some(proxy) => Resolver::new(&bare_host(proxy.uri()), proxy.port()),
            None => Resolver::new(&endpoint.host, endpoint.port),
        };
        Ok(Self {
            lookup,
            loopback_only: !endpoint.https,
            target: endpoint.host_and_port(),
            proxy: proxy.cloned(),
            tls,
        })
    }

    fn open(&self, line: &Arc<IoState>, context: &CallContext) -> Result<Box<dyn Wire>, Failure> {
        let tls = match &self.tls {
            Some(tls) => Some((tls, tls.config(context)?)),
            None => None,
        };
        let mut socket = self.open_socket(line, context)?;
        if let Some(proxy) = &self.proxy {
            tunnel::open(&mut socket, &self.target, proxy.as_ureq())
                .map_err(|why| Failure::unsent(FailureKind::Unreachable, why))?;
        }
        match tls {
            Some((tls, config)) => Ok(Box::new(tls.wrap(config, Box::new(socket), context)?)),
            None => Ok(Box::new(socket)),
        }
    }

    /// A socket to the service or its proxy.
    fn open_socket(
        &self,
        line: &Arc<IoState>,
        context: &CallContext,
    ) -> Result<SocketTransport, Failure> {
        let mut addresses = self.lookup.addresses(context)?;
        if self.loopback_only {
            addresses.retain(|address| address.ip().is_loopback());
        }
        match dial(&addresses, context) {
            Ok(stream) => Ok(SocketTransport::new(stream, Arc::clone(line))),
            Err(failure) => {
                self.lookup.forget();
                Err(failure)
            }
        }
    }
}

impl Transport for HttpTransport {
    fn connect(&self, context: &CallContext) -> Result<Box<dyn Connection>, Failure> {
        let line = IoState::new(context.clone());
        match self.open(&line, context) {
            Ok(wire) => Ok(Box::new(HttpConnection::new(wire, line))),
            Err(failure) => Err(explain(failure, context)),
        }
    }
}

/// Names the cancellation or the deadline, where one of them is the reason of a failure.
fn explain(failure: Failure, context: &CallContext) -> Failure {
    match context.exhausted() {
        Some(FailureKind::Cancelled) => Failure {
            kind: FailureKind::Cancelled,
            ..failure
        },
        Some(_) if failure.kind == FailureKind::Unreachable => Failure {
            message: format!("the connect timeout passed: {}", failure.message),
            ..failure
        },
        _ => failure,
    }
}
