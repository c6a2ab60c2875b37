//! An answer before it is written, and its bytes.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use ureq::http::{HeaderValue, Response, header};

use crate::lists::List;

/// What the service wants to say, and how.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub status: u16,
    pub code: Option<String>,
    pub message: Option<String>,
    pub deleted: Vec<String>,
    pub failed: Vec<FailedScope>,
    pub list: Option<List>,
    pub shape: Shape,
    /// Instead of all the above but the status.
    pub raw: Option<Vec<u8>>,
    pub retry_after: Option<RetryAfter>,
    pub date: Date,
    pub request_id: Option<String>,
}

#[derive(Clone, Debug)]
pub struct FailedScope {
    pub id: String,
    pub code: String,
    pub message: String,
}

/// The forms that the API reference leaves open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape {
    pub gateway: bool,
    pub object: bool,
    pub null: bool,
    pub numbers: bool,
    pub code_text: bool,
    pub extra: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum RetryAfter {
    Seconds(u64),
    /// This long after the service's clock.
    Date(u64),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Date {
    #[default]
    Right,
    Missing,
    Absurd,
    Garbage,
    /// So many seconds off.
    Astray(i64),
}

impl Date {
    /// How many seconds the date is off, if it is a date that anybody would believe.
    pub fn error(self) -> Option<i64> {
        match self {
            Self::Right => Some(0),
            Self::Astray(seconds) => Some(seconds),
            Self::Missing | Self::Absurd | Self::Garbage => None,
        }
    }
}

impl Draft {
    /// Head and body as they arrive; `clock` is the service's.
    pub fn write(&self, clock: SystemTime) -> (Response<()>, Vec<u8>) {
        let mut head = Response::new(());
        *head.status_mut() = self.status.try_into().expect("a status");
        let headers = head.headers_mut();
        let mut set = |name, text: &str| {
            headers.insert(name, HeaderValue::from_str(text).expect("a header value"));
        };
        match self.date {
            Date::Right => set(header::DATE, &httpdate::fmt_http_date(clock)),
            Date::Missing => {}
            Date::Absurd => set(header::DATE, "Thu, 01 Jan 1970 00:00:01 GMT"),
            Date::Garbage => set(header::DATE, "yesterday"),
            Date::Astray(seconds) => {
                let distance = Duration::from_secs(seconds.unsigned_abs());
                let shown = if seconds < 0 {
                    clock - distance
                } else {
                    clock + distance
                };
                set(header::DATE, &httpdate::fmt_http_date(shown));
            }
        }
        match self.retry_after {
            None => {}
            Some(RetryAfter::Seconds(seconds)) => set(header::RETRY_AFTER, &seconds.to_string()),
            Some(RetryAfter::Date(seconds)) => {
                let until = clock + Duration::from_secs(seconds);
                set(header::RETRY_AFTER, &httpdate::fmt_http_date(until));
            }
        }
        if let Some(id) = &self.request_id {
            let name = header::HeaderName::from_static("x-request-id");
            set(name, id);
        }
        (head, self.raw.clone().unwrap_or_else(|| self.body()))
    }

    pub fn names(&self, id: &str) -> bool {
        let failed = |failed: &FailedScope| failed.id == id;
        self.deleted.iter().any(|other| other == id) || self.failed.iter().any(failed)
    }

    fn body(&self) -> Vec<u8> {
        let shape = self.shape;
        let mut parts = Vec::new();
        let (code_name, message_name) = match shape.gateway {
            true => ("error_code", "error_msg"),
            false => ("code", "msg"),
        };
        if let Some(code) = &self.code {
            parts.push(format!(
                "\"{code_name}\":{}",
                scalar(code, !shape.code_text)
            ));
        }
        if let Some(message) = &self.message {
            parts.push(format!("\"{message_name}\":{}", scalar(message, false)));
        }
        let is_list = self.list.is_some();
        parts.extend(self.list.iter().flat_map(|list| list.write(shape)));
        if !shape.gateway && (!self.deleted.is_empty() || !shape.null && !is_list) {
            let mut list = String::new();
            for id in &self.deleted {
                let comma = if list.is_empty() { "" } else { "," };
                let _ = write!(list, "{comma}{}", scalar(id, shape.numbers));
            }
            parts.push(format!("\"scopeIdList\":[{list}]"));
        }
        let failed: Vec<_> = self
            .failed
            .iter()
            .map(|failed| {
                format!(
                    "{{\"scopeId\":{},\"errorCode\":{},\"msg\":{}}}",
                    scalar(&failed.id, shape.numbers),
                    scalar(&failed.code, shape.numbers),
                    scalar(&failed.message, false),
                )
            })
            .collect();
        match failed.as_slice() {
            [] if shape.gateway || is_list => {}
            [] if shape.null => parts.push("\"failedScopeList\":null".into()),
            [one] if shape.object => parts.push(format!("\"failedScopeList\":{one}")),
            all => parts.push(format!("\"failedScopeList\":[{}]", all.join(","))),
        }
        if shape.extra {
            parts.push("\"traceId\":{\"a\":[1,2.5,null]}".into());
        }
        format!("{{{}}}", parts.join(",")).into_bytes()
    }
}

/// Whether a JSON number says the same.
fn is_number(text: &str) -> bool {
    text.parse::<u64>()
        .is_ok_and(|number| number.to_string() == text)
}

/// A text, or the number that says the same if `bare`.
pub fn scalar(text: &str, bare: bool) -> String {
    match bare && is_number(text) {
        true => text.to_owned(),
        false => serde_json::to_string(text).expect("a text"),
    }
}
