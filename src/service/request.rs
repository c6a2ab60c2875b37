//! The deletion request: method, path, headers, body and authorization.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::Request;
use ureq::http::header::{self, HeaderName, HeaderValue};
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

/// A path segment's unreserved characters (RFC 3986, 2.3); all others are encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What is asked of the service in one request.
pub(crate) struct Deletion<'a> {
    pub(crate) user: &'a str,
    pub(crate) device: &'a str,
    /// Distinct, 1 to 100.
    pub(crate) ids: &'a [&'a str],
}

/// A request that is ready to be sent.
pub(super) struct SignedRequest {
    pub(super) head: Request<()>,
    pub(super) body: Vec<u8>,
    /// The `Authorization` header's value.
    pub(super) authorization: Zeroizing<String>,
}

impl Deletion<'_> {
    /// The request; or why it can't be written, which would be a bug of ours.
    pub(super) fn sign(
        &self,
        authority: &str,
        credentials: &Credentials,
        x_date: &str,
    ) -> Result<SignedRequest, String> {
        let body = body(self.ids).map_err(|error| error.to_string())?;
        let authorization = self.authorization(authority, credentials, x_date, &body);
        let head = self
            .head(authority, &authorization, x_date)
            .map_err(|error| error.to_string())?;
        Ok(SignedRequest {
            head,
            body,
            authorization,
        })
    }

    fn authorization(
        &self,
        authority: &str,
        credentials: &Credentials,
        x_date: &str,
        body: &[u8],
    ) -> Zeroizing<String> {
        Zeroizing::new(match credentials {
            Credentials::Token(token) => format!("Bearer {}", token.expose()),
            Credentials::Verbatim(value) => value.expose().to_owned(),
            Credentials::App { id, secret } => SigningInput {
                method: "DELETE",
                path: &self.path(),
                query: "",
                host: authority,
                date: x_date,
                user: self.user,
                body,
            }
            .authorization(id, secret),
        })
    }

    fn head(
        &self,
        authority: &str,
        authorization: &str,
        x_date: &str,
    ) -> Result<Request<()>, ureq::http::Error> {
        let mut authorization = HeaderValue::from_str(authorization)?;
        authorization.set_sensitive(true);
        Request::delete(self.path())
            .header(header::HOST, authority)
            .header(header::AUTHORIZATION, authorization)
            .header(X_USER_ID, self.user.as_bytes())
            .header(X_DATE, x_date)
            .header(header::ACCEPT_ENCODING, IDENTITY)
            .header(header::CONTENT_TYPE, JSON)
            .header(header::USER_AGENT, USER_AGENT)
            .body(())
    }

    fn path(&self) -> String {
        let device = utf8_percent_encode(self.device, SEGMENT);
        format!("/koodrive/ose/v1/backup/device/{device}/scope")
    }
}

/// The body of a request; ids always as strings, as the API reference's table says.
fn body(ids: &[&str]) -> serde_json::Result<Vec<u8>> {
    let mut body = br#"{"scopeIdList":"#.to_vec();
    id_list::write(ids, &mut body)?;
    body.push(b'}');
    Ok(body)
}
