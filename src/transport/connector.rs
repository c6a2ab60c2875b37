//! Opens connections to one service: name, TCP, proxy, TLS.

use std::sync::Arc;

use rustls::RootCertStore;
use ureq::unversioned::transport::Transport as Wire;

use super::dial::dial;
use super::http::HttpConnection;
use super::lookup::Lookup;
use super::socket::{Line, SocketTransport};
use super::tls::Tls;
use super::{Connection, Failure, FailureKind, Patience, Transport, tunnel};
use crate::endpoint::{Endpoint, Proxy, bare_host};

/// Opens connections to one service.
pub struct HttpTransport {
    /// Of the proxy, where there is one: it looks up the service itself.
    lookup: Lookup,
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
            Some(proxy) => Lookup::new(&bare_host(proxy.uri()), proxy.port()),
            None => Lookup::new(&endpoint.host, endpoint.port),
        };
        Ok(Self {
            lookup,
            loopback_only: !endpoint.https,
            target: endpoint.host_and_port(),
            proxy: proxy.cloned(),
            tls,
        })
    }

    fn open(&self, line: &Arc<Line>, patience: &Patience) -> Result<Box<dyn Wire>, Failure> {
        let tls = match &self.tls {
            Some(tls) => Some((tls, tls.config(patience)?)),
            None => None,
        };
        let mut socket = self.open_socket(line, patience)?;
        if let Some(proxy) = &self.proxy {
            tunnel::open(&mut socket, &self.target, proxy.as_ureq())
                .map_err(|why| Failure::unsent(FailureKind::Unreachable, why))?;
        }
        match tls {
            Some((tls, config)) => Ok(Box::new(tls.wrap(config, Box::new(socket))?)),
            None => Ok(Box::new(socket)),
        }
    }

    /// A socket to the service or its proxy.
    fn open_socket(
        &self,
        line: &Arc<Line>,
        patience: &Patience,
    ) -> Result<SocketTransport, Failure> {
        let mut addresses = self.lookup.addresses(patience)?;
        if self.loopback_only {
            addresses.retain(|address| address.ip().is_loopback());
        }
        match dial(&addresses, patience) {
            Ok(socket) => Ok(SocketTransport::new(socket, Arc::clone(line))),
            Err(failure) => {
                self.lookup.forget();
                Err(failure)
            }
        }
    }
}

impl Transport for HttpTransport {
    fn connect(&self, patience: &Patience) -> Result<Box<dyn Connection>, Failure> {
        let line = Line::new(patience.clone());
        match self.open(&line, patience) {
            Ok(wire) => Ok(Box::new(HttpConnection::new(wire, line))),
            Err(failure) => Err(explain(failure, patience)),
        }
    }
}

/// Says so where patience ended, which shows itself as all sorts of failures.
fn explain(failure: Failure, patience: &Patience) -> Failure {
    match patience.exhausted() {
        Some(FailureKind::Interrupted) => Failure {
            kind: FailureKind::Interrupted,
            ..failure
        },
        Some(_) if failure.kind == FailureKind::Unreachable => Failure {
            message: format!("the connect timeout passed: {}", failure.message),
            ..failure
        },
        _ => failure,
    }
}
