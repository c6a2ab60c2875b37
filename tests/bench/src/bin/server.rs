//! A KooDrive that only answers: one thread, nothing kept, so that it is not what limits a client.
//!
//!     bench-server [--delay-ms N]
//!
//! Prints its port and serves on 127.0.0.1 until it is killed.

use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use koodrive_bench::{answer, list};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use serde::Deserialize;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "scopeIdList", borrow)]
    ids: Vec<&'a str>,
}

async fn handle(
    request: Request<Incoming>,
    delay: Duration,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let refuse = |status, text: &'static str| {
        let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
        *response.status_mut() = status;
        Ok(response)
    };
    let is_list = request.method() == Method::GET;
    if !(is_list || request.method() == Method::DELETE) || !is_scope_path(request.uri().path()) {
        return refuse(StatusCode::NOT_FOUND, "no such path");
    }
    if !has_headers(request.headers()) {
        return refuse(StatusCode::UNAUTHORIZED, "a header is missing");
    }
    if is_list {
        static LIST: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(list()));
        return Ok(Response::new(Full::new(LIST.clone())));
    }
    if !is_json(request.headers()) {
        return refuse(StatusCode::BAD_REQUEST, "no JSON");
    }
    let Ok(body) = request.into_body().collect().await else {
        return refuse(StatusCode::BAD_REQUEST, "no whole body");
    };
    let body = body.to_bytes();
    let ids = match serde_json::from_slice::<Body>(&body) {
        Ok(body) if (1..=100).contains(&body.ids.len()) => body.ids,
        _ => return refuse(StatusCode::BAD_REQUEST, "not 1 to 100 ids"),
    };
    let answer = answer(ids.iter().copied());
    if !delay.is_zero() {
        sleep(delay).await;
    }
    let mut response = Response::new(Full::new(Bytes::from(answer)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

fn is_scope_path(path: &str) -> bool {
    path.strip_prefix("/koodrive/ose/v1/backup/device/")
        .and_then(|rest| rest.strip_suffix("/scope"))
        .is_some_and(|device| !device.is_empty() && !device.contains('/'))
}

fn has_headers(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION)
        && headers.contains_key("x-user-id")
        && headers.get("x-date").is_some_and(|date| date.len() == 16)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind == "application/json")
}

/// To a tenth of a millisecond. Tokio's own timer rounds up to whole ones, 20 to 21.
async fn sleep(delay: Duration) {
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK).unwrap();
    timer
        .set(
            Expiration::OneShot(delay.into()),
            TimerSetTimeFlags::empty(),
        )
        .unwrap();
    // SAFETY: the timer belongs to the AsyncFd, and stays open as long as that.
    let timer =
        unsafe { AsyncFd::register_with_interest(OwnedFd::from(timer), Interest::READABLE) };
    let _ = timer.unwrap().readable().await.unwrap();
}

fn delay_from_arguments() -> Result<Duration, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_env();
    let mut delay = Duration::ZERO;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("delay-ms") => delay = Duration::from_millis(parser.value()?.parse()?),
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(delay)
}

fn main() {
    let delay = delay_from_arguments().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            let serve = hyper::server::conn::http1::Builder::new().serve_connection(
                TokioIo::new(socket),
                service_fn(move |request| handle(request, delay)),
            );
            tokio::task::spawn_local(serve);
        }
    });
}
