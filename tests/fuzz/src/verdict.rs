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
        let exposed = verdict.outcome == Outcome::Unknown;
        match Meaning::of(exchange) {
            Meaning::NotHanded => {}
            Meaning::Refused if exposed => {}
            Meaning::Refused => verdict.outcome = Outcome::Rejected,
            Meaning::Unclear => verdict.outcome = Outcome::Unknown,
            Meaning::Success(body) => match body.entries_of(id)[..] {
                [entry] => {
                    verdict.settled = true;
                    verdict.outcome = outcome_of(entry, exposed);
                }
                _ => verdict.outcome = Outcome::Unknown,
            },
        }
    }
    verdict
}

fn outcome_of(entry: &Entry, exposed: bool) -> Outcome {
    match (entry, exposed) {
        (Entry::Deleted(_), _) => Outcome::Deleted,
        (Entry::Failed(_, Some(code)), false) if code == "15000418" => Outcome::NotFound,
        (Entry::Failed(_, Some(code)), true) if code == "15000418" => Outcome::Gone,
        (Entry::Failed(..), true) => Outcome::Unknown,
        (Entry::Failed(_, Some(code)), false) if code == "15000424" => Outcome::Repeated,
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
                Some(_) if body.entries.is_empty() => Self::Refused,
                None if body.entries.is_empty() && body.gateway_refuses => Self::Refused,
                _ => Self::Unclear,
            },
            (408, _) => Self::Unclear,
            (400..500, _) if !claims_deletion => Self::Refused,
            _ => Self::Unclear,
        }
    }
}

/// An answer's body as far as it matters.
struct Body {
    code: Option<String>,
    /// The gateway in front has its own name for a code, and it never reports success.
    gateway_refuses: bool,
    entries: Vec<Entry>,
}

enum Entry {
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
struct Odd;

impl Body {
    fn read(body: &[u8]) -> Option<Self> {
        let value = json::read(std::str::from_utf8(body).ok()?)?;
        Self::from(&value).ok()
    }

    fn from(value: &Value) -> Result<Self, Odd> {
        let Value::Object(members) = value else {
            return Err(Odd);
        };
        let gateway_code = scalar(member(members, "error_code")?)?;
        for text in ["msg", "error_msg"] {
            scalar(member(members, text)?)?;
        }
        let mut entries = Vec::new();
        match member(members, "scopeIdList")? {
            None => {}
            Some(Value::Array(ids)) => {
                for id in ids {
                    entries.push(Entry::Deleted(scalar(Some(id))?.ok_or(Odd)?));
                }
            }
            Some(_) => return Err(Odd),
        }
        match member(members, "failedScopeList")? {
            None => {}
            Some(Value::Array(failed)) => {
                for failed in failed {
                    entries.push(failed_entry(failed)?);
                }
            }
            Some(failed) => entries.push(failed_entry(failed)?),
        }
        Ok(Self {
            code: scalar(member(members, "code")?)?,
            gateway_refuses: gateway_code.is_some_and(|code| code != "0"),
            entries,
        })
    }

    fn entries_of(&self, id: &str) -> Vec<&Entry> {
        let same = |entry: &&Entry| entry.id() == id;
        self.entries.iter().filter(same).collect()
    }
}

fn failed_entry(value: &Value) -> Result<Entry, Odd> {
    let Value::Object(members) = value else {
        return Err(Odd);
    };
    scalar(member(members, "msg")?)?;
    let id = member(members, "scopeId")?.ok_or(Odd)?;
    let code = scalar(member(members, "errorCode")?)?;
    Ok(Entry::Failed(scalar(Some(id))?.ok_or(Odd)?, code))
}

/// The one member of this name; `null` is as good as none; two are odd, as is a name that is no text.
fn member<'a>(
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
fn scalar(value: Option<&Value>) -> Result<Option<String>, Odd> {
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
