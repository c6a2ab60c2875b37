//! What the service says: the answer to a deletion in the API reference's form, and errors.

use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};
use serde_json::json;

use crate::id::Id;
use crate::options::Rejection;

/// Another form of the same answer, where it can be written so without losing anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `failedScopeList` is an object, as the API reference's table has it, when one id failed.
    Object,
    /// `failedScopeList` is `null` when no id failed.
    Null,
    /// `failedScopeList` is absent when no id failed.
    Missing,
    /// Ids and error codes are numbers, and `code` is a string.
    Numbers,
    /// There are fields that the API reference does not know.
    ExtraFields,
}

/// The answer to a deletion.
pub(crate) struct Answer {
    named: Vec<Named>,
    pub shape: Option<Shape>,
}

#[derive(Clone)]
struct Named {
    id: Id,
    failure: Option<Failure>,
}

/// Why an id was not deleted.
#[derive(Clone)]
pub(crate) struct Failure {
    pub error_code: String,
    pub msg: String,
}

impl Failure {
    pub fn not_found() -> Self {
        Self::new("15000418", "The backup scope does not exist.")
    }

    pub fn repeated() -> Self {
        Self::new("15000424", "Request to repeatedly delete scopeId.")
    }

    fn new(error_code: &str, msg: &str) -> Self {
        Self {
            error_code: error_code.to_owned(),
            msg: msg.to_owned(),
        }
    }
}

impl From<&Rejection> for Failure {
    fn from(rejection: &Rejection) -> Self {
        Self::new(&rejection.error_code, &rejection.msg)
    }
}

impl Answer {
    pub fn with_capacity(ids: usize) -> Self {
        Self {
            named: Vec::with_capacity(ids),
            shape: None,
        }
    }

    pub fn name_deleted(&mut self, id: Id) {
        self.named.push(Named { id, failure: None });
    }

    pub fn name_failed(&mut self, id: Id, failure: Failure) {
        let failure = Some(failure);
        self.named.push(Named { id, failure });
    }

    pub fn omit(&mut self, ids: &[Id]) {
        self.named.retain(|named| !ids.contains(&named.id));
    }

    pub fn repeat_first(&mut self) {
        self.named.extend(self.named.first().cloned());
    }

    pub fn reply(&self) -> Reply {
        let body = serde_json::to_vec(self).expect("an answer has only string keys");
        Reply::json(200, body)
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = self.shape == Some(Shape::Numbers);
        let deleted = self.named.iter().filter(|named| named.failure.is_none());
        let deleted: Vec<_> = deleted.map(|named| exact(&named.id, numbers)).collect();
        let failed: Vec<_> = self
            .named
            .iter()
            .filter_map(|n| n.failed(numbers))
            .collect();

        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("scopeIdList", &deleted)?;
        match (self.shape, failed.as_slice()) {
            (Some(Shape::Object), [failed]) => map.serialize_entry("failedScopeList", failed)?,
            (Some(Shape::Null), []) => map.serialize_entry("failedScopeList", &())?,
            (Some(Shape::Missing), []) => {}
            (_, failed) => map.serialize_entry("failedScopeList", failed)?,
        }
        if numbers {
            map.serialize_entry("code", "0")?;
        } else {
            map.serialize_entry("code", &0)?;
        }
        map.serialize_entry("msg", "success")?;
        if self.shape == Some(Shape::ExtraFields) {
            map.serialize_entry("traceId", "5f3a")?;
            map.serialize_entry("extra", &json!({ "scopeIdList": ["1"], "code": 7 }))?;
        }
        map.end()
    }
}

/// One entry of `failedScopeList`.
#[derive(DeriveSerialize)]
#[serde(rename_all = "camelCase")]
struct Failed<'a> {
    scope_id: Exact<'a>,
    error_code: Exact<'a>,
    msg: &'a str,
}

impl Named {
    fn failed(&self, numbers: bool) -> Option<Failed<'_>> {
        let failure = self.failure.as_ref()?;
        let error_code = match failure.error_code.parse() {
            Ok(number) if numbers => Exact::Number(number),
            _ => Exact::Text(&failure.error_code),
        };
        Some(Failed {
            scope_id: exact(&self.id, numbers),
            error_code,
            msg: &failure.msg,
        })
    }
}

/// An id or an error code, as a JSON string or number.
#[derive(DeriveSerialize)]
#[serde(untagged)]
enum Exact<'a> {
    Id(&'a Id),
    Number(u64),
    Text(&'a str),
}

fn exact(id: &Id, numbers: bool) -> Exact<'_> {
    match id {
        Id::Number(number) if numbers => Exact::Number(*number),
        id => Exact::Id(id),
    }
}

/// An HTTP answer before the headers that all answers have.
pub(crate) struct Reply {
    pub status: u16,
    /// Of two with the same name the later one counts.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

impl Reply {
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        let mut reply = Self::empty(status);
        reply.body = body.into();
        reply.header("content-type", Some("application/json"));
        reply
    }

    /// An error of the service itself.
    pub fn parameter_check_failed() -> Self {
        let body = json!({ "code": 13000102, "msg": "Parameter check failed." });
        Self::json(400, body.to_string())
    }

    /// Something that the request names does not exist.
    pub fn unknown(code: u32, msg: &str) -> Self {
        Self::json(404, json!({ "code": code, "msg": msg }).to_string())
    }

    /// An error of the gateway in front of the service.
    pub fn gateway(status: u16, request_id: &str, why: &str) -> Self {
        let error_code = match status {
            401 => "APIGW.0301",
            403 => "APIGW.0302",
            404 | 405 => "APIGW.0101",
            429 => "APIGW.0308",
            _ => "APIGW.0201",
        };
        Self::gateway_error(status, error_code, request_id, why)
    }

    /// The gateway's error for a request that it can't authenticate.
    pub fn unauthenticated(status: u16, request_id: &str, what: &str) -> Self {
        let why = format!("Incorrect IAM authentication information: {what}");
        Self::gateway_error(status, "APIGW.0301", request_id, &why)
    }

    fn gateway_error(status: u16, error_code: &str, request_id: &str, why: &str) -> Self {
        let body = json!({
            "error_code": error_code,
            "error_msg": why,
            "request_id": request_id,
        });
        Self::json(status, body.to_string())
    }

    /// Sets a header, if there is a value and HTTP can carry it.
    pub fn header(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
            self.headers.push((HeaderName::from_static(name), value));
        }
    }
}
