//! HTTP/1.1 over connections of ureq's connectors, one request at a time, spoken by ureq-proto.
//!
//! ureq's Agent is left out on purpose: deletion needs to know how far a request got, and to hold
//! each connection in its own hands.

use std::io;
use std::sync::{Arc, Mutex};

use rustls::RootCertStore;
use ureq::config::Config as UreqConfig;
use ureq::http::{HeaderMap, Request, StatusCode, Uri, header};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::time::Instant;
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, Transport as Wire,
};
use ureq_proto::client::state::RecvResponse;
use ureq_proto::client::{Call, RecvBodyResult, RecvResponseResult, SendRequestResult};
use ureq_proto::{BodyMode, http};

use super::dial::dial;
use super::lookup::Lookup;
use super::socket::{BUFFER_BYTES, Line, SocketTransport};
use super::tls::Tls;
use super::{Connection, Failure, FailureKind, Patience, Response, Transport};
use crate::endpoint::{Endpoint, Proxy, bare_host};

/// The longest answer that is read. 100 ids with their messages take a few hundred KiB at most.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// Opens connections to one service.
pub struct HttpTransport {
    /// Of the proxy, where there is one: it looks up the service itself.
    lookup: Lookup,
    /// Plain HTTP goes nowhere but to this machine, whatever the name resolves to.
    loopback_only: bool,
    target: Uri,
    ureq: UreqConfig,
    tls: Option<Tls>,
}

impl HttpTransport {
    /// For an endpoint, trusting `roots` or else the platform's certificates.
    pub fn new(
        endpoint: &Endpoint,
        proxy: Option<&Proxy>,
        roots: Option<RootCertStore>,
    ) -> Result<Self, String> {
        let target: Uri = endpoint.to_string().parse().map_err(|_| "not a URL")?;
        let tls = match endpoint.https {
            true => Some(Tls::new(&endpoint.host, roots)?),
            false => None,
        };
        let proxy = proxy.map(|proxy| proxy.as_ureq().clone());
        let lookup = match &proxy {
            Some(proxy) => Lookup::new(&bare_host(proxy.uri()), proxy.port()),
            None => Lookup::new(&endpoint.host, endpoint.port),
        };
        let ureq = UreqConfig::builder()
            .proxy(proxy)
            .user_agent(crate::USER_AGENT)
            .build();
        Ok(Self {
            lookup,
            loopback_only: !endpoint.https,
            target,
            ureq,
            tls,
        })
    }

    /// A socket to the service or its proxy.
    fn open(&self, line: &Arc<Line>, patience: &Patience) -> Result<SocketTransport, String> {
        let mut addresses = self.lookup.addresses(patience)?;
        if self.loopback_only {
            addresses.retain(|address| address.ip().is_loopback());
        }
        match dial(&addresses, patience) {
            Ok(socket) => Ok(SocketTransport::new(socket, Arc::clone(line))),
            Err(message) => {
                self.lookup.forget();
                Err(message)
            }
        }
    }

    /// A tunnel through the proxy, if one is set.
    fn tunnel(&self, socket: SocketTransport) -> Result<Box<dyn Wire>, ureq::Error> {
        if self.ureq.proxy().is_none() {
            return Ok(Box::new(socket));
        }
        // ureq's connector asks for the connection to the proxy, which is open already.
        let opened: Mutex<Option<Box<dyn Wire>>> = Mutex::new(Some(Box::new(socket)));
        let details = ConnectionDetails {
            uri: &self.target,
            addrs: NoLookup.empty(),
            config: &self.ureq,
            request_level: false,
            resolver: &NoLookup,
            now: Instant::now(),
            timeout: no_timeout(),
            current_time: Arc::new(Instant::now),
            run_connector: Arc::new(move |_| {
                let socket = opened.lock().ok().and_then(|mut opened| opened.take());
                socket.ok_or(ureq::Error::ConnectionFailed)
            }),
            register_shutdown: Arc::new(|_| Ok(())),
        };
        let tunnel = ConnectProxyConnector::default().connect(&details, None::<Box<dyn Wire>>)?;
        tunnel
            .map(|tunnel| Box::new(tunnel) as Box<dyn Wire>)
            .ok_or(ureq::Error::ConnectionFailed)
    }

    fn secure(&self, wire: Box<dyn Wire>) -> io::Result<Box<dyn Wire>> {
        match &self.tls {
            Some(tls) => Ok(Box::new(tls.wrap(wire)?)),
            None => Ok(wire),
        }
    }
}

impl Transport for HttpTransport {
    fn connect(&self, patience: &Patience) -> Result<Box<dyn Connection>, Failure> {
        let line = Line::new(patience.clone());
        let connect = || -> Result<Box<dyn Wire>, String> {
            let socket = self.open(&line, patience)?;
            let wire = self.tunnel(socket).map_err(|error| describe(&error))?;
            self.secure(wire).map_err(|error| error.to_string())
        };
        let wire = connect().map_err(|message| {
            let (kind, message) = match patience.exhausted() {
                Some(FailureKind::Interrupted) => (FailureKind::Interrupted, message),
                Some(_) => (
                    FailureKind::Unreachable,
                    format!("the connect timeout passed: {message}"),
                ),
                None => (FailureKind::Unreachable, message),
            };
            Failure {
                exposed: false,
                kind,
                message,
            }
        })?;
        Ok(Box::new(HttpConnection {
            wire,
            line,
            body: Received::default(),
            sent: false,
            reusable: true,
        }))
    }
}

/// Stands where ureq wants a resolver; `Lookup` has done its work by then.
#[derive(Debug)]
struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(
        &self,
        _: &Uri,
        _: &UreqConfig,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

/// The socket keeps the deadline itself.
fn no_timeout() -> NextTimeout {
    NextTimeout::default()
}

struct HttpConnection {
    wire: Box<dyn Wire>,
    line: Arc<Line>,
    body: Received,
    /// Whether the whole request went to the kernel.
    sent: bool,
    reusable: bool,
}

impl Connection for HttpConnection {
    fn exchange(
        &mut self,
        request: Request<()>,
        body: &[u8],
        patience: &Patience,
    ) -> Result<Response<'_>, Failure> {
        self.line.set_patience(patience);
        self.sent = false;
        self.reusable = false;
        self.body.length = 0;
        let result = self.send(request, body).and_then(|call| self.receive(call));
        match result {
            // An early refusal says more than the broken pipe. No other answer can be about a request
            // that never arrived whole.
            Ok(head) if self.sent || is_refusal(head.status()) => Ok(Response {
                head,
                body: self.body.bytes(),
            }),
            Ok(_) => Err(self.failed(
                FailureKind::Unreachable,
                "the connection was lost while sending".to_owned(),
            )),
            Err(trouble) => Err(self.explain(trouble, patience)),
        }
    }

    fn is_reusable(&mut self) -> bool {
        self.reusable && self.wire.is_open()
    }
}

/// An answer's body as it comes. What an earlier one left is overwritten, for clearing it each time
/// costs more than copying.
#[derive(Default)]
struct Received {
    buffer: Vec<u8>,
    length: usize,
}

impl Received {
    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// Where the next bytes go, at most `most` of them.
    fn room(&mut self, most: usize) -> &mut [u8] {
        let end = self.length + most;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        &mut self.buffer[self.length..end]
    }
}

/// What can go wrong in an exchange.
enum Trouble {
    Wire(ureq::Error),
    /// The other side closed the connection.
    Closed,
    Protocol(String),
}

impl From<ureq::Error> for Trouble {
    fn from(error: ureq::Error) -> Self {
        Self::Wire(error)
    }
}

impl From<ureq_proto::Error> for Trouble {
    fn from(error: ureq_proto::Error) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl HttpConnection {
    /// Sends head and body, in one go where they fit the buffer.
    fn send(
        &mut self,
        mut request: Request<()>,
        body: &[u8],
    ) -> Result<Call<RecvResponse>, Trouble> {
        let length = header::HeaderValue::from(body.len());
        request.headers_mut().insert(header::CONTENT_LENGTH, length);
        let mut call = Call::new(request)?;
        call.force_send_body();
        let mut head = call.proceed();
        let mut filled;
        loop {
            filled = head.write(self.wire.buffers().output())?;
            if head.can_proceed() {
                break;
            }
            self.wire.transmit_output(filled, no_timeout())?;
        }
        let Some(SendRequestResult::SendBody(mut call)) = head.proceed()? else {
            return Err(Trouble::Protocol("a request without a body".to_owned()));
        };
        let mut rest = body;
        loop {
            let output = &mut self.wire.buffers().output()[filled..];
            let (used, written) = call.write(rest, output)?;
            self.wire.transmit_output(filled + written, no_timeout())?;
            rest = &rest[used..];
            filled = 0;
            if call.can_proceed() {
                break;
            }
        }
        self.sent = !self.line.is_cut();
        call.proceed()
            .ok_or_else(|| Trouble::Protocol("the body was not sent whole".to_owned()))
    }

    /// Reads the answer, its body into `self.body`.
    fn receive(&mut self, mut call: Call<RecvResponse>) -> Result<http::Response<()>, Trouble> {
        let head = self.receive_head(&mut call)?;
        check_framing(head.headers())?;
        let closing = match call.proceed() {
            Some(RecvResponseResult::RecvBody(call)) => self.receive_body(call)?,
            Some(RecvResponseResult::Redirect(call)) => call.must_close_connection(),
            Some(RecvResponseResult::Cleanup(call)) => call.must_close_connection(),
            None => true,
        };
        self.reusable = self.sent && !closing;
        Ok(head)
    }

    fn receive_head(
        &mut self,
        call: &mut Call<RecvResponse>,
    ) -> Result<http::Response<()>, Trouble> {
        loop {
            let buffers = self.wire.buffers();
            let available = buffers.input().len();
            let (used, head) = call.try_response(buffers.input(), false)?;
            buffers.input_consume(used);
            if let Some(head) = head {
                return Ok(head);
            }
            // An interim answer (1xx) was read; the next may be there already.
            if used > 0 {
                continue;
            }
            if available >= BUFFER_BYTES {
                return Err(Trouble::Protocol(
                    "its head is longer than 16 KiB".to_owned(),
                ));
            }
            self.receive_more()?;
        }
    }

    /// Reads the body; whether the connection must be closed after it.
    fn receive_body(
        &mut self,
        mut call: Call<ureq_proto::client::state::RecvBody>,
    ) -> Result<bool, Trouble> {
        let until_close = matches!(call.body_mode(), BodyMode::CloseDelimited);
        loop {
            self.take_body(&mut call)?;
            if !until_close && call.can_proceed() {
                break;
            }
            match self.receive_more() {
                Err(Trouble::Closed) if until_close => break,
                received => received?,
            }
        }
        Ok(match call.proceed() {
            Some(RecvBodyResult::Redirect(call)) => call.must_close_connection(),
            Some(RecvBodyResult::Cleanup(call)) => call.must_close_connection(),
            None => true,
        })
    }

    /// Moves what has come of the body to `self.body`.
    fn take_body(
        &mut self,
        call: &mut Call<ureq_proto::client::state::RecvBody>,
    ) -> Result<(), Trouble> {
        loop {
            let buffers = self.wire.buffers();
            let input = buffers.input();
            let (used, written) = call.read(input, self.body.room(input.len()))?;
            self.body.length += written;
            buffers.input_consume(used);
            if self.body.length > MAX_BODY_BYTES {
                return Err(Trouble::Protocol(
                    "its body is longer than 4 MiB".to_owned(),
                ));
            }
            if used == 0 {
                return Ok(());
            }
        }
    }

    fn receive_more(&mut self) -> Result<(), Trouble> {
        match self.wire.await_input(no_timeout())? {
            true => Ok(()),
            false => Err(Trouble::Closed),
        }
    }

    fn explain(&self, trouble: Trouble, patience: &Patience) -> Failure {
        match trouble {
            Trouble::Protocol(message) => self.failed(
                FailureKind::BadAnswer,
                format!("the answer breaks the rules of HTTP: {message}"),
            ),
            Trouble::Closed => self.failed(
                FailureKind::Unreachable,
                "the connection was closed before the answer was whole".to_owned(),
            ),
            Trouble::Wire(error) => match patience.exhausted() {
                Some(FailureKind::TimedOut) => self.failed(
                    FailureKind::TimedOut,
                    "no whole answer within the request timeout".to_owned(),
                ),
                Some(kind) => self.failed(kind, "the answer was not awaited".to_owned()),
                None => self.failed(
                    FailureKind::Unreachable,
                    format!("the connection was lost: {}", describe(&error)),
                ),
            },
        }
    }

    fn failed(&self, kind: FailureKind, message: String) -> Failure {
        Failure {
            exposed: self.sent,
            kind,
            message,
        }
    }
}

/// Refuses an answer whose end two readers could see in two places (RFC 9112, 6.3), and one in an
/// encoding that was not asked for. ureq-proto is milder.
fn check_framing(headers: &HeaderMap) -> Result<(), Trouble> {
    let bad = |message: &str| Err(Trouble::Protocol(message.to_owned()));
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return bad("it has more than one Content-Length");
    }
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(encoding) = encodings.next() {
        if length.is_some() {
            return bad("it has both Content-Length and Transfer-Encoding");
        }
        if encodings.next().is_some() || !encoding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return bad("its Transfer-Encoding is not chunked");
        }
    }
    if let Some(length) = length {
        let length = length.to_str().ok().and_then(|text| text.parse().ok());
        if length.is_none_or(|length: usize| length > MAX_BODY_BYTES) {
            return bad("its Content-Length is not a number up to 4 MiB");
        }
    }
    let identity = |value: &header::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(identity)
    {
        return bad("its Content-Encoding was not asked for");
    }
    Ok(())
}

fn is_refusal(status: StatusCode) -> bool {
    status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT
}

fn describe(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::ConnectProxyFailed(reason) => format!("the proxy opened no tunnel: {reason}"),
        other => other.to_string(),
    }
}
