//! What a request asks for, read from its head and its body.

use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use hyper::{Method, Uri};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::access::scheme_name;
use crate::id::Id;

const DEVICES: &str = "/koodrive/ose/v1/backup/device";

/// A whole request, as far as the ledger keeps it. All of it is copied: the bytes as they came would
/// keep a whole read buffer alive.
pub(crate) struct Received {
    pub method: Method,
    /// With the query.
    pub path: String,
    pub user: Option<String>,
    pub device: Option<String>,
    pub x_date: Option<String>,
    pub scheme: Option<&'static str>,
    pub body: Box<[u8]>,
}

impl Received {
    pub fn new(head: &Parts, body: &Bytes) -> Self {
        Self {
            method: head.method.clone(),
            path: target(&head.uri),
            user: header(&head.headers, "x-user-id"),
            device: device_in(head.uri.path()),
            x_date: header(&head.headers, "x-date"),
            scheme: header(&head.headers, "authorization").map(|value| scheme_name(&value)),
            body: body.as_ref().into(),
        }
    }
}

fn target(uri: &Uri) -> String {
    let target = uri.path_and_query();
    target.map_or_else(String::new, ToString::to_string)
}

/// The value of a header that is there and not empty.
pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    (!value.is_empty()).then(|| value.into_owned())
}

/// What a path names.
pub(crate) enum Resource {
    Devices,
    Scopes,
}

impl Received {
    pub fn resource(&self) -> Option<Resource> {
        let path = self.path.split('?').next().unwrap_or_default();
        match &self.device {
            Some(_) => Some(Resource::Scopes),
            None => (path == DEVICES).then_some(Resource::Devices),
        }
    }
}

fn device_in(path: &str) -> Option<String> {
    let rest = path.strip_prefix(DEVICES)?.strip_prefix('/')?;
    let segment = rest.strip_suffix("/scope")?;
    if segment.is_empty() || segment.contains('/') {
        return None;
    }
    let device = percent_decode_str(segment).decode_utf8().ok()?;
    Some(device.into_owned())
}

/// The ids that a body asks to delete; `None` if it isn't of the API reference's form.
pub(crate) fn ids_in(body: &[u8]) -> Option<Vec<Id>> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "scopeIdList")]
        ids: Vec<Id>,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    Some(body.ids)
}

/// The first value of a name in a query.
pub(crate) fn query_value(uri: &Uri, name: &str) -> Option<String> {
    let query = uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}
