//! When a response is a list, told again: by the API reference, and by what the header promises of ids.

use koodrive::plan::Plan;

use crate::json::{self, Value};
use crate::script::Reply;
use crate::service::Exchange;
use crate::verdict::{Body, Odd, check_empty, member, scalar};

/// What a request asks for.
enum Asked<'a> {
    Devices,
    Scopes { module: &'a str },
}

/// The ids of the list that an exchange brought; none if it brought no list.
pub fn of(exchange: &Exchange) -> Option<Vec<String>> {
    let Reply::Answer(answer) = &exchange.reply else {
        return None;
    };
    let body = json::read(std::str::from_utf8(&answer.body).ok()?)?;
    let ids = Asked::of(&exchange.line).ids(&body).ok()?;
    ids.filter(|_| answer.status == 200)
}

impl<'a> Asked<'a> {
    fn of(line: &'a str) -> Self {
        let path = line.strip_prefix("GET /koodrive/ose/v1/backup/device");
        match path.expect("a reading request") {
            "" => Self::Devices,
            rest => {
                let module = rest.strip_prefix("/device/scope?moduleCode=");
                let module = module.expect("the scopes of the device");
                Self::Scopes { module }
            }
        }
    }

    /// None where the answer does not report success.
    fn ids(&self, body: &Value) -> Result<Option<Vec<String>>, Odd> {
        let Value::Object(members) = body else {
            return Err(Odd);
        };
        let result = Body::from(body)?;
        // It deletes nothing: whoever names deleted ids answers something else.
        let is_success = result.code.as_deref() == Some("0") && result.entries.is_empty();
        let name = match self {
            Self::Devices => "data",
            Self::Scopes { .. } => "scopeList",
        };
        let ids = match member(members, name)? {
            Some(Value::Array(entries)) => {
                let ids = entries.iter().map(|entry| self.id(entry));
                ids.collect::<Result<_, _>>()?
            }
            Some(Value::Object(members)) if !members.is_empty() => return Err(Odd),
            None if holds_entries(body) => return Err(Odd),
            other => check_empty(other).map(|()| Vec::new())?,
        };
        Ok(is_success.then_some(ids))
    }

    /// The id of an entry; each must have one that a plan accepts.
    fn id(&self, entry: &Value) -> Result<String, Odd> {
        let Value::Object(members) = entry else {
            return Err(Odd);
        };
        let (id_name, details) = match self {
            Self::Devices => (
                "deviceId",
                ["deviceName", "deviceOS", "machineCode", "createTime"],
            ),
            Self::Scopes { .. } => (
                "scopeId",
                ["moduleCode", "localPath", "targetFolderPath", "createTime"],
            ),
        };
        for detail in details {
            member(members, detail)?;
        }
        if let Self::Scopes { module } = self
            && says_another(member(members, "moduleCode")?, module)
        {
            return Err(Odd);
        }
        let id = scalar(member(members, id_name)?)?.ok_or(Odd)?;
        let (device, scope) = match self {
            Self::Devices => (id.as_str(), "1"),
            Self::Scopes { .. } => ("device", id.as_str()),
        };
        let added = Plan::new().add(None, device, std::iter::once(scope));
        added.map(|()| id).map_err(|_| Odd)
    }
}

/// Whether an array that begins with an object stands anywhere.
fn holds_entries(value: &Value) -> bool {
    match value {
        Value::Array(items) => {
            matches!(items.first(), Some(Value::Object(_))) || items.iter().any(holds_entries)
        }
        Value::Object(members) => members.iter().any(|(_, value)| holds_entries(value)),
        _ => false,
    }
}

/// Whether an entry names another module, as a text or a whole number.
fn says_another(value: Option<&Value>, module: &str) -> bool {
    value == Some(&Value::String(None))
        || scalar(value).is_ok_and(|said| said.is_some_and(|said| said != module))
}
