//! The body of a response. The API reference leaves open how ids and codes are typed and what form
//! `failedScopeList` has: every form is read, exactly, and never through a floating point number.
//! Where nothing depends on it, what can't be read is left out.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::code;
use super::json::{Object, Scalar, Words, describe, empty_list, empty_map};
use super::redactor::Redactor;
use crate::rules::MAX_IDS_PER_REQUEST;

/// What a body says.
#[derive(Debug, Default)]
pub(crate) struct Body<'a> {
    pub(crate) code: Option<Cow<'a, str>>,
    pub(crate) message: Option<Cow<'a, str>>,
    pub(crate) deleted: Vec<Cow<'a, str>>,
    pub(crate) failed: Vec<FailedScope<'a>>,
}

/// One entry of `failedScopeList`.
#[derive(Debug)]
pub(crate) struct FailedScope<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) code: Option<Cow<'a, str>>,
    pub(crate) message: Option<Cow<'a, str>>,
}

/// Reads a body: one JSON object in UTF-8 (RFC 8259).
pub(super) fn parse(body: &[u8]) -> Result<Body<'_>, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let json = serde_json::from_str::<Object<JsonBody>>(text).map_err(|error| describe(&error))?;
    let json = json.0.ok_or("it is null")?;
    // The gateway only ever reports that something went wrong: success is `code`'s alone.
    let gateway_code = json.error_code.0.filter(|code| code != "0");
    Ok(Body {
        code: json.code.0.or(gateway_code),
        message: json.msg.0.or(json.error_msg.0),
        deleted: json.scope_id_list.unwrap_or_default().0,
        failed: json.failed_scope_list.unwrap_or_default().0,
    })
}

impl Body<'_> {
    /// Hides secrets in the texts that are shown to somebody, but for codes that decide an outcome.
    pub(super) fn redact(&mut self, redactor: &Redactor<'_>) {
        let redact = |text: &mut Option<Cow<'_, str>>| {
            if let Some(text) = text
                && !code::is_known(text)
                && let Cow::Owned(redacted) = redactor.redact(text)
            {
                *text = redacted.into();
            }
        };
        redact(&mut self.code);
        redact(&mut self.message);
        for failed in &mut self.failed {
            redact(&mut failed.code);
            redact(&mut failed.message);
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonBody<'a> {
    #[serde(borrow, default)]
    code: Scalar<'a>,
    #[serde(borrow, default)]
    msg: Words<'a>,
    #[serde(borrow)]
    scope_id_list: Option<ScopeIds<'a>>,
    #[serde(borrow)]
    failed_scope_list: Option<FailedScopes<'a>>,
    /// The gateway in front of the service has its own names.
    #[serde(borrow, default, rename = "error_code")]
    error_code: Scalar<'a>,
    #[serde(borrow, default, rename = "error_msg")]
    error_msg: Words<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonFailedScope<'a> {
    #[serde(borrow, default)]
    scope_id: Scalar<'a>,
    #[serde(borrow, default)]
    error_code: Scalar<'a>,
    #[serde(borrow, default)]
    msg: Words<'a>,
}

impl<'a> JsonFailedScope<'a> {
    /// Where one object stands for the list, it may stand for an empty one.
    fn is_empty(&self) -> bool {
        self.scope_id.0.is_none() && self.error_code.0.is_none() && self.msg.0.is_none()
    }

    fn into_failed<E: Error>(self) -> Result<FailedScope<'a>, E> {
        let id = self.scope_id.0.ok_or_else(|| E::missing_field("scopeId"))?;
        Ok(FailedScope {
            id,
            code: self.error_code.0,
            message: self.msg.0,
        })
    }
}

/// The ids of `scopeIdList`.
#[derive(Default)]
struct ScopeIds<'a>(Vec<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for ScopeIds<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScopeIdsVisitor;

        impl<'de> Visitor<'de> for ScopeIdsVisitor {
            type Value = ScopeIds<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array of scope ids")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                list(items, |Scalar(id)| Ok(id)).map(ScopeIds)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                empty_map(&mut map, &self)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                empty_list(text, &self)
            }
        }

        deserializer.deserialize_any(ScopeIdsVisitor)
    }
}

/// The API reference's table calls `failedScopeList` an object, its example shows an array.
#[derive(Default)]
struct FailedScopes<'a>(Vec<FailedScope<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for FailedScopes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FailedScopesVisitor;

        impl<'de> Visitor<'de> for FailedScopesVisitor {
            type Value = FailedScopes<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array of failed scopes, or one")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                let read = |Object(json): Object<JsonFailedScope<'de>>| {
                    json.map(JsonFailedScope::into_failed).transpose()
                };
                list(items, read).map(FailedScopes)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let json = JsonFailedScope::deserialize(MapAccessDeserializer::new(map))?;
                Ok(match json.is_empty() {
                    true => FailedScopes::default(),
                    false => FailedScopes(vec![json.into_failed()?]),
                })
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                empty_list(text, &self)
            }
        }

        deserializer.deserialize_any(FailedScopesVisitor)
    }
}

/// An array's items but for nulls, in a list that grows at most once: no response has more than were
/// asked for.
fn list<'de, A: SeqAccess<'de>, J: Deserialize<'de>, T>(
    mut items: A,
    read: impl Fn(J) -> Result<Option<T>, A::Error>,
) -> Result<Vec<T>, A::Error> {
    let mut list = Vec::with_capacity(MAX_IDS_PER_REQUEST);
    while let Some(item) = items.next_element()? {
        if let Some(item) = read(item)? {
            list.push(item);
        }
    }
    Ok(list)
}
