//! The response: status, headers and body, free of secrets, and what it teaches of clock and
//! credentials.

use std::time::{Duration, SystemTime};

use ureq::http::header::{self, HeaderMap, HeaderName};
use ureq::http::{StatusCode, header::HeaderValue};

use super::body::{self, Body};
use super::clock::{self, Clock, XDate};
use super::redactor::Redactor;
use crate::transport::HttpResponse;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A whole response of the service.
pub(super) struct Response<'a> {
    pub(super) status: u16,
    pub(super) request_id: Option<String>,
    /// What the service asks us to wait.
    pub(super) retry_after: Option<Duration>,
    /// The request was refused and its `X-Date` was wrong; the next one's will be another.
    pub(super) clock_corrected: bool,
    /// The request was refused for its authorization, which has been replaced since it was sent.
    pub(super) credentials_replaced: bool,
    /// What the body says; or why it says nothing.
    pub(super) body: Result<Body<'a>, String>,
}

impl<'a> Response<'a> {
    /// Reads the response to a request that was sent with `sent`, at `now` by our clock.
    pub(super) fn read(
        response: &HttpResponse<'a>,
        clock: &Clock,
        sent: &XDate,
        now: SystemTime,
        redactor: &Redactor<'_>,
    ) -> Self {
        let status = response.head.status();
        let headers = response.head.headers();
        let date = || text(headers, &header::DATE).and_then(clock::parse_date);
        let service_now = || date().unwrap_or_else(|| clock.service_time(now));
        if status == StatusCode::OK {
            clock.accepted(sent);
        }
        let mut body = body::parse(response.body);
        if let Ok(body) = &mut body {
            body.redact(redactor);
        }
        Self {
            status: status.as_u16(),
            request_id: text(headers, &X_REQUEST_ID).map(|id| redactor.redact(id).into_owned()),
            retry_after: text(headers, &header::RETRY_AFTER)
                .and_then(|text| clock::parse_retry_after(text, service_now())),
            clock_corrected: may_be_for_x_date(status) && clock.refused(sent, date(), now),
            credentials_replaced: false,
            body,
        }
    }
}

/// Whether a request may have been refused with this status for its `X-Date`, which the API reference
/// calls a parameter and a part of the authentication: 400 is its status for both, 401 for the latter.
fn may_be_for_x_date(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED)
}

fn text<'h>(headers: &'h HeaderMap<HeaderValue>, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
