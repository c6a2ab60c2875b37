//! Requests: method, path, query, headers, body and authorization.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::header::{self, HeaderName, HeaderValue};
use ureq::http::{Method, Request as RequestHead};
use zeroize::Zeroizing;

use super::signature::SigningInput;
use crate::credentials::Credentials;
use crate::id_list;
use crate::transport;

const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");
const X_DATE: HeaderName = HeaderName::from_static("x-date");

/// A response in any other encoding is not read.
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const USER_AGENT: HeaderValue = HeaderValue::from_static(transport::USER_AGENT);

const DEVICES: &str = "/koodrive/ose/v1/backup/device";

/// 100 ids with their messages take a few hundred KiB at most.
const MAX_DELETION_RESPONSE_BYTES: usize = 4 << 20;
/// Of a list, which no documented limit bounds.
const MAX_LIST_RESPONSE_BYTES: usize = 64 << 20;

/// The unreserved characters (RFC 3986, 2.3); in a path's segment or a query's value all others are encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What is to be deleted by one request.
pub(crate) struct Deletion<'a> {
    pub(crate) user: &'a str,
    pub(crate) device: &'a str,
    /// Distinct, 1 to 100.
    pub(crate) ids: &'a [&'a str],
}

/// A call that only reads.
pub(crate) struct Query<'a> {
    pub(crate) user: &'a str,
    pub(crate) of: QueryOf<'a>,
}

/// What is read.
pub(crate) enum QueryOf<'a> {
    /// The user's devices.
    Devices,
    /// The scopes of one of them, of one module.
    Scopes { device: &'a str, module: &'a str },
}

/// What a request says, before it is dated and authorized.
pub(super) struct Request<'a> {
    method: Method,
    path: String,
    /// As it is sent, which is also its canonical form; empty when there is none.
    query: String,
    user: &'a str,
    body: Option<Vec<u8>>,
    pub(super) max_response_bytes: usize,
}

/// A request that is ready to be sent.
pub(super) struct SignedRequest {
    pub(super) head: RequestHead<()>,
    pub(super) body: Option<Vec<u8>>,
    /// The `Authorization` header's value.
    pub(super) authorization: Zeroizing<String>,
}

impl<'a> Deletion<'a> {
    /// The request; or why it can't be written, which would be a bug of ours.
    pub(super) fn request(&self) -> Result<Request<'a>, String> {
        Ok(Request {
            method: Method::DELETE,
            path: scopes_path(self.device),
            query: String::new(),
            user: self.user,
            body: Some(body(self.ids).map_err(|error| error.to_string())?),
            max_response_bytes: MAX_DELETION_RESPONSE_BYTES,
        })
    }
}

impl<'a> Query<'a> {
    pub(super) fn request(&self) -> Request<'a> {
        let (path, query) = match self.of {
            QueryOf::Devices => (DEVICES.to_owned(), String::new()),
            QueryOf::Scopes { device, module } => (
                scopes_path(device),
                format!("moduleCode={}", utf8_percent_encode(module, UNRESERVED)),
            ),
        };
        Request {
            method: Method::GET,
            path,
            query,
            user: self.user,
            body: None,
            max_response_bytes: MAX_LIST_RESPONSE_BYTES,
        }
    }
}

fn scopes_path(device: &str) -> String {
    let device = utf8_percent_encode(device, UNRESERVED);
    format!("{DEVICES}/{device}/scope")
}

/// The body of a deletion; ids always as strings, as the API reference's table says.
fn body(ids: &[&str]) -> serde_json::Result<Vec<u8>> {
    let mut body = br#"{"scopeIdList":"#.to_vec();
    id_list::write(ids, &mut body)?;
    body.push(b'}');
    Ok(body)
}

impl Request<'_> {
    /// The request as it is sent; or why it can't be written, which would be a bug of ours.
    pub(super) fn sign(
        self,
        authority: &str,
        credentials: &Credentials,
        x_date: &str,
    ) -> Result<SignedRequest, String> {
        let authorization = self.authorization(authority, credentials, x_date);
        let head = self
            .head(authority, &authorization, x_date)
            .map_err(|error| error.to_string())?;
        Ok(SignedRequest {
            head,
            body: self.body,
            authorization,
        })
    }

    fn authorization(
        &self,
        authority: &str,
        credentials: &Credentials,
        x_date: &str,
    ) -> Zeroizing<String> {
        Zeroizing::new(match credentials {
            Credentials::Token(token) => format!("Bearer {}", token.expose()),
            Credentials::Verbatim(value) => value.expose().to_owned(),
            Credentials::App { id, secret } => SigningInput {
                method: self.method.as_str(),
                path: &self.path,
                query: &self.query,
                host: authority,
                date: x_date,
                user: self.user,
                body: self.body.as_deref().unwrap_or_default(),
            }
            .authorization(id, secret),
        })
    }

    fn head(
        &self,
        authority: &str,
        authorization: &str,
        x_date: &str,
    ) -> Result<RequestHead<()>, ureq::http::Error> {
        let mut authorization = HeaderValue::from_str(authorization)?;
        authorization.set_sensitive(true);
        let head = RequestHead::builder()
            .method(self.method.clone())
            .uri(self.target())
            .header(header::HOST, authority)
            .header(header::AUTHORIZATION, authorization)
            .header(X_USER_ID, self.user.as_bytes())
            .header(X_DATE, x_date)
            .header(header::ACCEPT_ENCODING, IDENTITY)
            .header(header::USER_AGENT, USER_AGENT);
        match self.body {
            Some(_) => head.header(header::CONTENT_TYPE, JSON).body(()),
            None => head.body(()),
        }
    }

    fn target(&self) -> String {
        match self.query.as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }
}
