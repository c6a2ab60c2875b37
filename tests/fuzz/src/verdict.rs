//! The verdict table, told again: from all that the service heard and said to what may be reported
//! of an id. It shares no code with the core.

use koodrive::report::Outcome;

use crate::json::{self, Value};
use crate::script::{Answer, Reply};
use crate::service::Exchange;

/// What the report must say of an id.
#[derive(Debug, PartialEq)]
pub struct Verdict {
    pub outcome: Outcome,
    /// By an answer that reports success and names the id once; it must not be sent again.
    pub settled: bool,
    /// How often it was sent after it was settled.
    pub sent_in_vain: usize,
}

/// Judges an id by everything that happened, in order.
pub fn of(id: &str, exchanges: &[Exchange]) -> Verdict {
    let mut verdict = Verdict {
        outcome: Outcome::NotSent,
        settled: false,
        sent_in_vain: 0,
    };
    for exchange in exchanges {
        if !exchange.ids.iter().any(|asked| asked == id) {
            continue;
        }
        if verdict.settled {
            verdict.sent_in_vain += 1;
            continue;
        }
        let possibly_executed = verdict.outcome == Outcome::Unknown;
        match Meaning::of(exchange) {
            Meaning::NotHanded => {}
            Meaning::Refused if possibly_executed => {}
            Meaning::Refused => verdict.outcome = Outcome::Rejected,
            Meaning::Unclear => verdict.outcome = Outcome::Unknown,
            Meaning::Success(body) => match body.entries_of(id)[..] {
                [entry] => {
                    verdict.settled = true;
                    verdict.outcome = outcome_of(entry, possibly_executed);
                }
                _ => verdict.outcome = Outcome::Unknown,
            },
        }
    }
    verdict
}

fn outcome_of(entry: &Entry, possibly_executed: bool) -> Outcome {
    match (entry, possibly_executed) {
        (Entry::Deleted(_), _) => Outcome::Deleted,
        (Entry::Failed(_, Some(code)), false) if code == "15000418" => Outcome::NotFound,
        (Entry::Failed(_, Some(code)), true) if code == "15000418" => Outcome::Gone,
        (Entry::Failed(..), true) => Outcome::Unknown,
        (Entry::Failed(..), false) => Outcome::Rejected,
    }
}

/// What an exchange says of all its ids.
enum Meaning {
    NotHanded,
    Refused,
    Unclear,
    /// `code` 0, and no stranger is named.
    Success(Body),
}

impl Meaning {
    fn of(exchange: &Exchange) -> Self {
        match &exchange.reply {
            Reply::Unsent => Self::NotHanded,
            Reply::Lost => Self::Unclear,
            Reply::Answer(answer) => Self::of_answer(answer, &exchange.ids),
        }
    }

    fn of_answer(answer: &Answer, asked: &[String]) -> Self {
        let body = Body::read(&answer.body);
        let names_stranger = body
            .as_ref()
            .is_some_and(|body| body.entries.iter().any(|entry| !asked.contains(entry.id())));
        if names_stranger {
            return Self::Unclear;
        }
        let claims_deletion = body.as_ref().is_some_and(|body| {
            let deleted = |entry: &Entry| matches!(entry, Entry::Deleted(_));
            body.entries.iter().any(deleted)
        });
        match (answer.status, body) {
            (200, Some(body)) => match body.code.as_deref() {
                Some("0") => Self::Success(body),
                // Of all other codes nobody knows when in the work they come.
                Some("13000102") if body.entries.is_empty() => Self::Refused,
                _ => Self::Unclear,
            },
            (408, _) => Self::Unclear,
            (400..500, _) if !claims_deletion => Self::Refused,
            _ => Self::Unclear,
        }
    }
}

/// An answer's body as far as it matters.
pub(crate) struct Body {
    pub(crate) code: Option<String>,
    pub(crate) entries: Vec<Entry>,
}

pub(crate) enum Entry {
    Deleted(String),
    /// With its error code.
    Failed(String, Option<String>),
}

impl Entry {
    fn id(&self) -> &String {
        match self {
            Self::Deleted(id) | Self::Failed(id, _) => id,
        }
    }
}

/// Why a body is not understood: it is what nobody says, and so nothing in it counts.
pub(crate) struct Odd;

impl Body {
    fn read(body: &[u8]) -> Option<Self> {
        let value = json::read(std::str::from_utf8(body).ok()?)?;
        Self::from(&value).ok()
    }

    pub(crate) fn from(value: &Value) -> Result<Self, Odd> {
        let Value::Object(members) = value else {
            return Err(Odd);
        };
        let gateway_code = scalar(member(members, "error_code")?)?;
        // Whatever stands there, but not twice.
        for words in ["msg", "error_msg"] {
            member(members, words)?;
        }
        let mut entries = Vec::new();
        match member(members, "scopeIdList")? {
            Some(Value::Array(ids)) => {
                for id in without_nulls(ids) {
                    entries.push(Entry::Deleted(scalar(Some(id))?.ok_or(Odd)?));
                }
            }
            Some(Value::Object(members)) if !members.is_empty() => return Err(Odd),
            other => check_empty(other)?,
        }
        match member(members, "failedScopeList")? {
            Some(Value::Array(failed)) => {
                for failed in without_nulls(failed) {
                    entries.push(failed_entry(failed)?);
                }
            }
            Some(Value::Object(members)) if is_filled(members)? => {
                entries.push(failed_entry_of(members)?);
            }
            other => check_empty(other)?,
        }
        Ok(Self {
            // The gateway in front has its own name for a code, and it never reports success.
            code: scalar(member(members, "code")?)?.or(gateway_code.filter(|code| code != "0")),
            entries,
        })
    }

    fn entries_of(&self, id: &str) -> Vec<&Entry> {
        let same = |entry: &&Entry| entry.id() == id;
        self.entries.iter().filter(same).collect()
    }
}

fn without_nulls(items: &[Value]) -> impl Iterator<Item = &Value> {
    items.iter().filter(|item| **item != Value::Null)
}

/// What may stand for an empty list, beside an array of nothing.
pub(crate) fn check_empty(value: Option<&Value>) -> Result<(), Odd> {
    match value {
        None | Some(Value::Object(_)) => Ok(()),
        Some(Value::String(Some(text))) if text.is_empty() => Ok(()),
        Some(_) => Err(Odd),
    }
}

/// Whether an object that stands for a list says something of a scope.
fn is_filled(members: &[(Option<String>, Value)]) -> Result<bool, Odd> {
    let id = scalar(member(members, "scopeId")?)?;
    let code = scalar(member(members, "errorCode")?)?;
    let message = member(members, "msg")?;
    let has_message = matches!(message, Some(Value::String(_)));
    Ok(id.is_some() || code.is_some() || has_message)
}

fn failed_entry(value: &Value) -> Result<Entry, Odd> {
    match value {
        Value::Object(members) => failed_entry_of(members),
        _ => Err(Odd),
    }
}

fn failed_entry_of(members: &[(Option<String>, Value)]) -> Result<Entry, Odd> {
    member(members, "msg")?;
    let id = member(members, "scopeId")?.ok_or(Odd)?;
    let code = scalar(member(members, "errorCode")?)?;
    Ok(Entry::Failed(scalar(Some(id))?.ok_or(Odd)?, code))
}

/// The one member of this name; `null` is as good as none; two are odd, as is a name that is no text.
pub(crate) fn member<'a>(
    members: &'a [(Option<String>, Value)],
    name: &str,
) -> Result<Option<&'a Value>, Odd> {
    if members.iter().any(|(name, _)| name.is_none()) {
        return Err(Odd);
    }
    let mut found = members
        .iter()
        .filter(|(other, _)| other.as_deref() == Some(name));
    let value = found.next().map(|(_, value)| value);
    match found.next() {
        Some(_) => Err(Odd),
        None => Ok(value.filter(|value| **value != Value::Null)),
    }
}

/// A text, or a whole number of 64 bits as it is written.
pub(crate) fn scalar(value: Option<&Value>) -> Result<Option<String>, Odd> {
    match value {
        None => Ok(None),
        Some(Value::String(Some(text))) => Ok(Some(text.clone())),
        Some(Value::Number(digits)) => {
            let fits = digits.parse::<u64>().is_ok() || digits.parse::<i64>().is_ok();
            let is_plain = fits && digits != "-0";
            is_plain.then(|| Some(digits.clone())).ok_or(Odd)
        }
        Some(_) => Err(Odd),
    }
}
