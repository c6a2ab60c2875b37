//! Connections: accepts them, speaks HTTP/1.1 on them, brings each whole request to the service.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use crate::answer::Reply;
use crate::control;
use crate::faults::Silence;
use crate::shared::Shared;
use crate::wire::{Line, Pace, Socket, Wire};

/// Serves connections for as long as it is polled.
pub(crate) async fn run(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let number = shared.change(|service| service.book.open_connection());
                tokio::spawn(converse(stream, tls.clone(), shared.clone(), number));
            }
            // The process is out of file descriptors: some come back when connections end.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn converse(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>, number: u64) {
    // Without it answers come later, but they come.
    let _ = stream.set_nodelay(true);
    let line = Arc::new(Line::new());
    match tls {
        None => speak_http(stream, &line, &shared, number).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                speak_http(stream, &line, &shared, number).await;
            }
        }
    }
    shared.change(|service| service.book.close_connection(line.is_amid_request()));
}

async fn speak_http(socket: impl Socket, line: &Arc<Line>, shared: &Shared, number: u64) {
    let wire = TokioIo::new(Wire::new(socket, line.clone()));
    let service = service_fn(|request| answer(request, line, shared, number));
    let mut http = http1::Builder::new();
    http.auto_date_header(false);
    // An error here is a client that left or a fault that was asked for: the ledger has both.
    let _ = http.serve_connection(wire, service).await;
}

async fn answer(
    request: Request<Incoming>,
    line: &Line,
    shared: &Shared,
    connection: u64,
) -> Result<Response<Full<Bytes>>, NoAnswer> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| NoAnswer)?.to_bytes();
    line.request_is_whole();
    if head.uri.path().starts_with("/sandbox/") {
        line.set_pace(Pace::Whole);
        return Ok(response(control::answer(shared, &head, &body)));
    }
    let outgoing = shared.change(|service| service.receive(connection, &head, &body));
    if !outgoing.latency.is_zero() {
        sleep(outgoing.latency).await;
    }
    let (reply, pace) = match outgoing.answer {
        Ok(answer) => answer,
        Err(silence) => return Err(keep_silent(silence, line).await),
    };
    line.set_pace(pace);
    let mut response = response(reply);
    if let Pace::Cut(_) = pace {
        // For a cut that lies beyond the answer's end.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    Ok(response)
}

async fn keep_silent(silence: Silence, line: &Line) -> NoAnswer {
    match silence {
        Silence::Close => {}
        Silence::Reset => line.end_with_reset(),
        // The server drops this future when the client closes the connection.
        Silence::Hang => std::future::pending().await,
    }
    NoAnswer
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    let status = StatusCode::from_u16(reply.status);
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Makes the HTTP server end a connection without an answer.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("the request gets no answer")
    }
}

impl Error for NoAnswer {}
