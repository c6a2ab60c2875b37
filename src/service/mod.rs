//! What KooDrive speaks: one deletion request of at most 100 ids, and its answer.
//!
//! The rules are those of the vendor's page "Deleting Backup Scopes"; what it leaves open is read
//! the careful way.

mod answer;
mod clock;
pub(crate) mod code;
mod scrub;
mod signature;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use ureq::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ureq::http::{Request, StatusCode};
use zeroize::Zeroizing;

use crate::credentials::{CredentialHistory, Credentials};
use crate::endpoint::Endpoint;
use crate::system::System;
use crate::transport::{Connection, Failure, FailureKind, Patience, Response};

pub(crate) use answer::{Body, FailedScope};
pub use clock::{Clock, XDate};
use scrub::Scrubber;
pub use signature::SigningInput;

const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");
const X_DATE: HeaderName = HeaderName::from_static("x-date");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An answer in any other encoding is not read.
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const USER_AGENT: HeaderValue = HeaderValue::from_static(crate::USER_AGENT);

/// A path segment's unreserved characters (RFC 3986, 2.3); all others are encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The service as one client sees it.
pub(crate) struct Service {
    /// The `Host` header.
    authority: String,
    credentials: Mutex<Arc<CredentialHistory>>,
    clock: Clock,
}

/// What is asked of the service in one request.
pub(crate) struct Deletion<'a> {
    pub(crate) user: &'a str,
    pub(crate) device: &'a str,
    /// Distinct, 1 to 100.
    pub(crate) ids: &'a [&'a str],
}

/// A whole answer of the service, its texts free of secrets.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) request_id: Option<String>,
    /// What the service asks us to wait.
    pub(crate) retry_after: Option<Duration>,
    /// The request was refused and its `X-Date` was wrong; the next one's will be another.
    pub(crate) clock_corrected: bool,
    /// The request was refused for its authorization, which has been replaced since it was sent.
    pub(crate) credentials_replaced: bool,
    /// What the body says; or why it says nothing.
    pub(crate) body: Result<Body<'a>, String>,
}

impl Service {
    pub(crate) fn new(endpoint: &Endpoint, credentials: Credentials) -> Self {
        Self {
            authority: endpoint.authority(),
            credentials: Mutex::new(Arc::new(CredentialHistory::new(credentials))),
            clock: Clock::default(),
        }
    }

    /// Requests from now on are authorized like this.
    pub(crate) fn set_credentials(&self, credentials: Credentials) {
        let mut history = self.lock_credentials();
        *history = Arc::new(history.followed_by(credentials));
    }

    /// Sends one request on `connection` and reads its answer.
    pub(crate) fn delete<'c>(
        &self,
        deletion: &Deletion<'_>,
        connection: &'c mut dyn Connection,
        patience: &Patience,
        system: &dyn System,
    ) -> Result<Answer<'c>, Failure> {
        let credentials = Arc::clone(&self.lock_credentials());
        let date = self.clock.x_date(system.wall_clock());
        let body = RequestBody {
            scope_id_list: deletion.ids,
        };
        let body = body.to_json().map_err(|error| unsendable(&error))?;
        let authorization = self.authorization(deletion, credentials.current(), &date.text, &body);
        let request = self
            .request(deletion, &authorization, &date.text)
            .map_err(|error| unsendable(&error))?;
        let response = connection.exchange(request, &body, patience)?;
        let credentials_replaced = response.head.status() == StatusCode::UNAUTHORIZED
            && !Arc::ptr_eq(&credentials, &self.lock_credentials());
        let scrubber = Scrubber::new(&credentials, &authorization);
        Ok(Answer {
            credentials_replaced,
            ..self.read(&response, &date, system.wall_clock(), &scrubber)
        })
    }

    fn authorization(
        &self,
        deletion: &Deletion<'_>,
        credentials: &Credentials,
        date: &str,
        body: &[u8],
    ) -> Zeroizing<String> {
        Zeroizing::new(match credentials {
            Credentials::Token(token) => format!("Bearer {}", token.expose()),
            Credentials::Verbatim(value) => value.expose().to_owned(),
            Credentials::App { id, secret } => SigningInput {
                method: "DELETE",
                path: &device_path(deletion.device),
                query: "",
                host: &self.authority,
                date,
                user: deletion.user,
                body,
            }
            .authorization(id, secret),
        })
    }

    fn request(
        &self,
        deletion: &Deletion<'_>,
        authorization: &str,
        date: &str,
    ) -> Result<Request<()>, ureq::http::Error> {
        let mut authorization = HeaderValue::from_str(authorization)?;
        authorization.set_sensitive(true);
        Request::delete(device_path(deletion.device))
            .header(header::HOST, self.authority.as_str())
            .header(header::AUTHORIZATION, authorization)
            .header(X_USER_ID, deletion.user.as_bytes())
            .header(X_DATE, date)
            .header(header::ACCEPT_ENCODING, IDENTITY)
            .header(header::CONTENT_TYPE, JSON)
            .header(header::USER_AGENT, USER_AGENT)
            .body(())
    }

    fn read<'c>(
        &self,
        response: &Response<'c>,
        sent: &XDate,
        now: SystemTime,
        scrubber: &Scrubber,
    ) -> Answer<'c> {
        let status = response.head.status();
        let headers = response.head.headers();
        let date = || header_text(headers, &header::DATE).and_then(clock::parse_date);
        let service_now = || date().unwrap_or_else(|| self.clock.service_time(now));
        if status == StatusCode::OK {
            self.clock.accepted(sent);
        }
        let mut body = answer::parse(response.body);
        if let Ok(body) = &mut body {
            body.clean(scrubber);
        }
        Answer {
            status: status.as_u16(),
            request_id: header_text(headers, &X_REQUEST_ID)
                .map(|id| scrubber.clean(id).into_owned()),
            retry_after: header_text(headers, &header::RETRY_AFTER)
                .and_then(|text| clock::parse_retry_after(text, service_now())),
            clock_corrected: may_be_for_x_date(status) && self.clock.refused(sent, date(), now),
            credentials_replaced: false,
            body,
        }
    }

    fn lock_credentials(&self) -> MutexGuard<'_, Arc<CredentialHistory>> {
        self.credentials
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Whether a request may have been refused with this status for its `X-Date`, which the page calls a
/// parameter and a part of the authentication: 400 is its status for both, 401 for the latter.
fn may_be_for_x_date(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED)
}

/// The path of the page's URI.
fn device_path(device: &str) -> String {
    let device = utf8_percent_encode(device, SEGMENT);
    format!("/koodrive/ose/v1/backup/device/{device}/scope")
}

/// The body of a request; ids always as strings, as the page's table says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestBody<'a> {
    scope_id_list: &'a [&'a str],
}

impl RequestBody<'_> {
    /// Ids are visible ASCII, of which JSON escapes two characters (RFC 8259, 7): where none of
    /// them occurs ids are copied whole, while serde would look at each byte.
    fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let copied = self.copied();
        let our_quotes = 2 + 2 * self.scope_id_list.len();
        let needs_escapes = memchr::memchr_iter(b'"', &copied).count() != our_quotes
            || memchr::memchr(b'\\', &copied).is_some();
        match needs_escapes {
            true => serde_json::to_vec(self),
            false => Ok(copied),
        }
    }

    fn copied(&self) -> Vec<u8> {
        let text: usize = self.scope_id_list.iter().map(|id| id.len() + 3).sum();
        let mut body = Vec::with_capacity(text + 24);
        let mut before: &[u8] = br#"{"scopeIdList":[""#;
        for id in self.scope_id_list {
            body.extend_from_slice(before);
            body.extend_from_slice(id.as_bytes());
            before = br#"",""#;
        }
        body.extend_from_slice(br#""]}"#);
        body
    }
}

fn unsendable(error: &dyn std::error::Error) -> Failure {
    Failure {
        exposed: false,
        kind: FailureKind::BadRequest,
        message: format!("the request can't be written: {error}"),
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
