//! What a response means, by its status and its code: the rules of the API reference, and what it leaves open,
//! read conservatively. Pure functions.

use std::borrow::Cow;

use super::attempt::{Execution, RetryAction};
use super::body::Body;
use super::code;
use super::id_matcher::ResponseMatch;
use super::response::Response;
use crate::error::ErrorKind;

/// What a response says, by the rules.
pub(super) enum Rule {
    /// The lists say what happened to each id.
    Each(ResponseMatch),
    /// The same of all ids, and why.
    Whole(Execution, RetryAction, ErrorKind, Cow<'static, str>),
}

impl Rule {
    /// It was refused and not executed.
    fn refused(action: RetryAction) -> Self {
        let why = "the service refused the request".into();
        Self::Whole(Execution::Refused, action, ErrorKind::Service, why)
    }

    /// The service failed, perhaps after it had executed the request.
    fn failed() -> Self {
        let why = "the service failed to execute the request".into();
        let (execution, action) = (Execution::Possible, RetryAction::TryAgain);
        Self::Whole(execution, action, ErrorKind::Service, why)
    }

    /// Nothing of it can be trusted.
    pub(super) fn invalid(action: RetryAction, why: impl Into<Cow<'static, str>>) -> Self {
        let kind = ErrorKind::InvalidResponse;
        Self::Whole(Execution::Possible, action, kind, why.into())
    }
}

/// What the response to a request of these ids says.
pub(super) fn rule(ids: &[&str], response: &Response<'_>) -> Rule {
    use RetryAction::{Halve, Leave, TryAgain, Unauthorized};
    let body = match &response.body {
        Err(why) => Err(why),
        Ok(body) => match ResponseMatch::find(ids, body) {
            Some(found) => Ok((body, found)),
            None => {
                let why = "the response names an id that was not asked for";
                return Rule::invalid(TryAgain, why);
            }
        },
    };
    match (response.status, body) {
        (200, Ok((body, found))) => rule_of_success(body, found),
        (200, Err(why)) => Rule::invalid(TryAgain, format!("the response can't be read: {why}")),
        (300..400, _) => Rule::invalid(Leave, "redirects are not followed"),
        (408 | 500..600, _) => Rule::failed(),
        (400..500, Ok((_, found))) if found.any_deleted => {
            let why = "the response refuses the request and yet names deleted ids";
            Rule::invalid(TryAgain, why)
        }
        (401, _) => {
            let why = "the service does not accept the authorization".into();
            Rule::Whole(
                Execution::Refused,
                Unauthorized,
                ErrorKind::Unauthorized,
                why,
            )
        }
        // Of a moment, as their names say (RFC 9110, 15.5; RFC 4918; RFC 8470; RFC 6585).
        (409 | 421 | 423 | 425 | 429, _) => Rule::refused(TryAgain),
        (400, Ok((body, _))) if body.code.as_deref() == Some(code::BAD_PARAMETER) => {
            Rule::refused(Halve)
        }
        (400..500, _) => Rule::refused(Leave),
        _ => Rule::invalid(TryAgain, "the response's status has no meaning here"),
    }
}

/// Of a 200 that can be read.
fn rule_of_success(body: &Body<'_>, found: ResponseMatch) -> Rule {
    use RetryAction::{Halve, TryAgain};
    match body.code.as_deref() {
        Some(code::SUCCESS) => Rule::Each(found),
        None => Rule::invalid(TryAgain, "the response holds no code"),
        Some(_) if found.names_any() => {
            let why = "the response's code is an error, and yet it names ids";
            Rule::invalid(TryAgain, why)
        }
        Some(code::BAD_PARAMETER) => Rule::refused(Halve),
        // Nobody knows at which point of the work this code comes.
        Some(_) => Rule::failed(),
    }
}
