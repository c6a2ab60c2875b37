//! One request and its response at a time over an open connection: HTTP/1.1, spoken by ureq-proto.
//!
//! ureq's Agent is left out on purpose: deletion needs to know how far a request got, and to hold
//! each connection in its own hands.

use std::sync::Arc;

use ureq::http::{Request, StatusCode, header};
use ureq::unversioned::transport::Transport as Wire;
use ureq_proto::client::state::{RecvBody, RecvResponse, SendRequest};
use ureq_proto::client::{
    Call, MAX_RESPONSE_HEADERS, RecvBodyResult, RecvResponseResult, SendRequestResult,
};
use ureq_proto::parser::try_parse_response;
use ureq_proto::{BodyMode, http};

use super::framing::{self, Body};
use super::socket::{BUFFER_BYTES, IoState, describe, no_timeout};
use super::{Connection, HttpRequest, HttpResponse};
use crate::context::CallContext;
use crate::failure::{Failure, FailureKind};

/// A connection to the service, whatever carries it.
pub(super) struct HttpConnection {
    wire: Box<dyn Wire>,
    line: Arc<IoState>,
    body: Body,
    /// Whether the whole request went to the kernel.
    sent: bool,
    reusable: bool,
}

impl Connection for HttpConnection {
    fn exchange(
        &mut self,
        request: HttpRequest<'_>,
        context: &CallContext,
    ) -> Result<HttpResponse<'_>, Failure> {
        self.line.set_context(context);
        self.sent = false;
        self.reusable = false;
        self.body.begin(request.max_response_bytes);
        let sent = match request.body {
            Some(body) => self.send(request.head, body),
            None => self.send_head(request.head),
        };
        let result = sent.and_then(|call| self.receive(call, request.max_response_bytes));
        match result {
            // An early refusal says more than the broken pipe. No other response can be about a request
            // that never arrived whole.
            Ok(head) if self.sent || is_refusal(head.status()) => Ok(HttpResponse {
                head,
                body: self.body.bytes(),
            }),
            Ok(_) => Err(self.failed(
                FailureKind::Unreachable,
                "the connection was lost while sending".to_owned(),
            )),
            Err(error) => Err(self.explain(error, context)),
        }
    }

    fn is_reusable(&mut self) -> bool {
        self.reusable && self.wire.is_open()
    }

    fn shrink(&mut self) {
        self.body.shrink();
    }
}

/// What can go wrong in an exchange.
enum ExchangeError {
    Wire(ureq::Error),
    /// The other side closed the connection.
    Closed,
    Protocol(String),
}

impl From<ureq::Error> for ExchangeError {
    fn from(error: ureq::Error) -> Self {
        Self::Wire(error)
    }
}

impl From<ureq_proto::Error> for ExchangeError {
    fn from(error: ureq_proto::Error) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<&str> for ExchangeError {
    fn from(rule: &str) -> Self {
        Self::Protocol(rule.to_owned())
    }
}

impl HttpConnection {
    pub(super) fn new(wire: Box<dyn Wire>, line: Arc<IoState>) -> Self {
        Self {
            wire,
            line,
            body: Body::default(),
            sent: false,
            reusable: true,
        }
    }

    /// Sends head and body, in one go where they fit the buffer.
    fn send(
        &mut self,
        mut request: Request<()>,
        body: &[u8],
    ) -> Result<Call<RecvResponse>, ExchangeError> {
        let length = header::HeaderValue::from(body.len());
        request.headers_mut().insert(header::CONTENT_LENGTH, length);
        let mut call = Call::new(request)?;
        call.force_send_body();
        let mut head = call.proceed();
        let mut filled = self.write_head(&mut head)?;
        let Some(SendRequestResult::SendBody(mut call)) = head.proceed()? else {
            return Err(ExchangeError::Protocol(
                "a request without a body".to_owned(),
            ));
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
        self.sent = !self.line.write_failed();
        call.proceed()
            .ok_or_else(|| ExchangeError::Protocol("the body was not sent whole".to_owned()))
    }

    /// Sends a request without a body.
    fn send_head(&mut self, request: Request<()>) -> Result<Call<RecvResponse>, ExchangeError> {
        let mut head = Call::new(request)?.proceed();
        let filled = self.write_head(&mut head)?;
        self.wire.transmit_output(filled, no_timeout())?;
        self.sent = !self.line.write_failed();
        match head.proceed()? {
            Some(SendRequestResult::RecvResponse(call)) => Ok(call),
            _ => Err(ExchangeError::Protocol(
                "a request with a body that was not given".to_owned(),
            )),
        }
    }

    /// Writes the head; how much of it, its end, is still in the output buffer.
    fn write_head(&mut self, head: &mut Call<SendRequest>) -> Result<usize, ExchangeError> {
        loop {
            let filled = head.write(self.wire.buffers().output())?;
            if head.can_proceed() {
                return Ok(filled);
            }
            self.wire.transmit_output(filled, no_timeout())?;
        }
    }

    /// Reads the response, its body into `self.body`.
    fn receive(
        &mut self,
        mut call: Call<RecvResponse>,
        max_bytes: usize,
    ) -> Result<http::Response<()>, ExchangeError> {
        let head = self.receive_head(&mut call)?;
        framing::check(head.headers(), max_bytes)
            .map_err(|rule| ExchangeError::Protocol(rule.into_owned()))?;
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
    ) -> Result<http::Response<()>, ExchangeError> {
        loop {
            let buffers = self.wire.buffers();
            let available = buffers.input().len();
            let (used, head) = match call.try_response(buffers.input(), false) {
                Err(ureq_proto::Error::HeadersWith100) => (head_length(buffers.input())?, None),
                result => result?,
            };
            buffers.input_consume(used);
            if let Some(head) = head {
                return Ok(head);
            }
            // An interim response (1xx) was read; the next may be there already.
            if used > 0 {
                continue;
            }
            if available >= BUFFER_BYTES {
                return Err("its head is longer than 16 KiB".into());
            }
            self.receive_more()?;
        }
    }

    /// Reads the body; whether the connection must be closed after it.
    fn receive_body(&mut self, mut call: Call<RecvBody>) -> Result<bool, ExchangeError> {
        let until_close = matches!(call.body_mode(), BodyMode::CloseDelimited);
        let mut since_data = 0;
        loop {
            match self.take_body(&mut call)? {
                (used, 0) => since_data += used,
                _ => since_data = 0,
            }
            if !until_close && call.can_proceed() {
                break;
            }
            if since_data + self.wire.buffers().input().len() >= BUFFER_BYTES {
                return Err(
                    "its trailers or one of its chunks' heads are longer than 16 KiB".into(),
                );
            }
            match self.receive_more() {
                Err(ExchangeError::Closed) if until_close => break,
                received => received?,
            }
        }
        Ok(match call.proceed() {
            Some(RecvBodyResult::Redirect(call)) => call.must_close_connection(),
            Some(RecvBodyResult::Cleanup(call)) => call.must_close_connection(),
            None => true,
        })
    }

    /// Moves what has come of the body to `self.body`; how much was read, and how much of it is body.
    fn take_body(&mut self, call: &mut Call<RecvBody>) -> Result<(usize, usize), ExchangeError> {
        let mut total = (0, 0);
        loop {
            let buffers = self.wire.buffers();
            let input = buffers.input();
            let (used, written) = call.read(input, self.body.room(input.len()))?;
            self.body.grow(written).map_err(ExchangeError::Protocol)?;
            buffers.input_consume(used);
            if used == 0 {
                return Ok(total);
            }
            total = (total.0 + used, total.1 + written);
        }
    }

    fn receive_more(&mut self) -> Result<(), ExchangeError> {
        match self.wire.await_input(no_timeout())? {
            true => Ok(()),
            false => Err(ExchangeError::Closed),
        }
    }

    fn explain(&self, error: ExchangeError, context: &CallContext) -> Failure {
        match error {
            ExchangeError::Protocol(message) => self.failed(
                FailureKind::InvalidResponse,
                format!("the response breaks the rules of HTTP: {message}"),
            ),
            ExchangeError::Closed => self.failed(
                FailureKind::Unreachable,
                "the connection was closed before the response was whole".to_owned(),
            ),
            ExchangeError::Wire(error) => match context.exhausted() {
                Some(FailureKind::TimedOut) => self.failed(
                    FailureKind::TimedOut,
                    "no whole response within the request timeout".to_owned(),
                ),
                Some(kind) => self.failed(kind, "the response was not awaited".to_owned()),
                None => self.failed(
                    FailureKind::Unreachable,
                    format!("the connection was lost: {}", describe(&error)),
                ),
            },
        }
    }

    fn failed(&self, kind: FailureKind, message: String) -> Failure {
        Failure {
            possibly_executed: self.sent,
            kind,
            message,
        }
    }
}

/// The length of the head at the start of `input`. ureq-proto takes a 100 (Continue) with headers for
/// an error; RFC 9110, 15.2 has no such rule.
fn head_length(input: &[u8]) -> Result<usize, ExchangeError> {
    let head = try_parse_response::<MAX_RESPONSE_HEADERS>(input)?;
    Ok(head.map_or(0, |(used, _)| used))
}

fn is_refusal(status: StatusCode) -> bool {
    status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT
}
