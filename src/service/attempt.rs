//! What one attempt to send a request came to: whether the service executed it, what the response says
//! of its ids, and what to do with the others. Pure functions.

use std::borrow::Cow;
use std::time::Duration;

use super::body::{Body, FailedScope};
use super::code;
use super::id_matcher::{IdMatch, ResponseMatch};
use super::response::Response;
use crate::error::{Error, ErrorKind};
use crate::failure::{Failure, FailureKind};

/// The service refuses this user, which says nothing on the others.
const FORBIDDEN: u16 = 403;

/// What an attempt came to.
pub(crate) struct Attempt<'a> {
    pub(crate) coverage: Coverage<'a>,
    /// Whether its texts are the service's words.
    pub(crate) has_response: bool,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<String>,
    pub(crate) follow_up: FollowUp,
}

/// Of which ids an attempt speaks.
pub(crate) enum Coverage<'a> {
    /// Of all ids alike.
    All(Execution),
    /// Of each id, in the order sent.
    Each(Vec<IdMatch>, Vec<FailedScope<'a>>),
}

/// Whether the service executed a request.
#[derive(Clone, Copy)]
pub(crate) enum Execution {
    /// It never got the whole request.
    NotReceived,
    /// It refused the request and did not execute it.
    Refused,
    /// Nobody knows.
    Possible,
}

/// What follows from an attempt for the ids that it did not settle.
#[derive(Default)]
pub(crate) struct FollowUp {
    pub(crate) action: RetryAction,
    /// Why ids are left unsettled, or refused as a whole; none where the response settles each of them.
    pub(crate) error: Option<AttemptError>,
    pub(crate) resend: Resend,
    /// What the service asks us to wait.
    pub(crate) retry_after: Option<Duration>,
    /// Whether the service itself answered, as one that works does.
    pub(crate) is_answered: bool,
}

/// What to do with the ids that are not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RetryAction {
    /// Nothing: they stay as they are.
    #[default]
    Leave,
    TryAgain,
    /// One of them spoils the request: find out which.
    Halve,
    /// The authorization is no longer good: stop the run.
    Unauthorized,
    /// The run is being stopped.
    Stop,
}

/// Why a refused request may be sent again at once: it was not the request that was wrong.
#[derive(Clone, Copy, Default)]
pub(crate) struct Resend {
    clock_corrected: bool,
    credentials_replaced: bool,
}

/// Why an attempt did not settle its ids.
pub(crate) struct AttemptError {
    pub(crate) error: Error,
    /// The service's words, which say more than ours.
    pub(crate) service_message: Option<String>,
}

impl AttemptError {
    fn of(response: &Response<'_>, kind: ErrorKind, why: &str, action: RetryAction) -> Self {
        let body = response.body.as_ref().ok();
        let code = body.and_then(|body| body.code.as_deref());
        let service_message = body.and_then(|body| body.message.as_deref());
        let mut message = format!("{why}: HTTP {}", response.status);
        if let Some(code) = code {
            message += &format!(", code {code}");
        }
        if let Some(words) = service_message {
            message += &format!(": {words}");
        }
        Self {
            service_message: service_message.map(str::to_owned),
            error: Error {
                kind,
                message,
                http_status: Some(response.status),
                service_code: code.map(str::to_owned),
                request_id: response.request_id.clone(),
                retryable: is_retryable(response.status, action),
            },
        }
    }

    pub(crate) fn message(&self) -> &str {
        self.service_message
            .as_deref()
            .unwrap_or(&self.error.message)
    }

    /// Whether the service refuses requests for their rate (RFC 6585; RFC 9110, 15.6.4).
    pub(crate) fn is_throttle(&self) -> bool {
        matches!(self.error.http_status, Some(429 | 503))
    }

    /// Whether such a refusal may also come from a service that is down.
    pub(crate) fn may_be_overload(&self) -> bool {
        self.error.http_status == Some(503)
    }

    /// Whether it concerns one user, and no others.
    pub(crate) fn is_of_one_user(&self) -> bool {
        self.error.http_status == Some(FORBIDDEN)
    }
}

impl Resend {
    /// Whether there is a reason that was not there `before`; from now on it was.
    pub(crate) fn is_new(self, before: &mut Self) -> bool {
        let is_new = self.clock_corrected && !before.clock_corrected
            || self.credentials_replaced && !before.credentials_replaced;
        before.clock_corrected |= self.clock_corrected;
        before.credentials_replaced |= self.credentials_replaced;
        is_new
    }

    pub(crate) fn is_possible(self) -> bool {
        self.clock_corrected || self.credentials_replaced
    }
}

impl<'a> Attempt<'a> {
    /// There is no response.
    pub(crate) fn failed(failure: &Failure) -> Self {
        let kind = match failure.kind {
            FailureKind::Unreachable
            | FailureKind::NoResources
            | FailureKind::Untrusted
            | FailureKind::Cancelled => ErrorKind::Unreachable,
            FailureKind::TimedOut => ErrorKind::TimedOut,
            FailureKind::InvalidResponse => ErrorKind::InvalidResponse,
            FailureKind::InvalidRequest => ErrorKind::Internal,
        };
        let execution = match failure.possibly_executed {
            true => Execution::Possible,
            false => Execution::NotReceived,
        };
        let action = match failure.kind {
            FailureKind::Cancelled => RetryAction::Stop,
            FailureKind::InvalidRequest | FailureKind::Untrusted => RetryAction::Leave,
            _ => RetryAction::TryAgain,
        };
        let mut error = Error::new(kind, failure.message.clone());
        error.retryable = action != RetryAction::Leave;
        Self {
            coverage: Coverage::All(execution),
            has_response: false,
            status: None,
            request_id: None,
            follow_up: FollowUp {
                action,
                error: Some(AttemptError {
                    error,
                    service_message: None,
                }),
                ..FollowUp::default()
            },
        }
    }

    /// Judges the response to a request of these ids.
    pub(super) fn judge(ids: &[&str], response: Response<'a>) -> Self {
        let (coverage, action, error) = match rule(ids, &response) {
            Rule::Whole(execution, action, kind, why) => {
                let error = AttemptError::of(&response, kind, &why, action);
                (Coverage::All(execution), action, Some(error))
            }
            Rule::Each(found) => {
                let is_settled = found.settles_all();
                let action = match is_settled {
                    true => RetryAction::Leave,
                    false => RetryAction::TryAgain,
                };
                let why = "the response does not name each id once";
                let error = (!is_settled)
                    .then(|| AttemptError::of(&response, ErrorKind::InvalidResponse, why, action));
                let failed = response.body.map(|body| body.failed).unwrap_or_default();
                (Coverage::Each(found.ids, failed), action, error)
            }
        };
        let is_answered = matches!(coverage, Coverage::Each(..)) || action == RetryAction::Halve;
        Self {
            coverage,
            has_response: true,
            status: Some(response.status),
            request_id: response.request_id,
            follow_up: FollowUp {
                action,
                error,
                resend: Resend {
                    clock_corrected: response.clock_corrected,
                    credentials_replaced: response.credentials_replaced,
                },
                retry_after: response.retry_after,
                is_answered,
            },
        }
    }

    /// Whether what comes next over the same connection can be trusted, too.
    pub(super) fn is_trusted(&self) -> bool {
        self.has_response
            && self
                .follow_up
                .error
                .as_ref()
                .is_none_or(|error| error.error.kind != ErrorKind::InvalidResponse)
    }
}

/// Whether the same again, later and unchanged, may succeed. A refusal with a code that nobody knows
/// may be a gateway's on the way, of a moment.
fn is_retryable(status: u16, action: RetryAction) -> bool {
    match action {
        RetryAction::TryAgain => true,
        RetryAction::Leave => (400..500).contains(&status) && status != FORBIDDEN,
        RetryAction::Halve | RetryAction::Unauthorized | RetryAction::Stop => false,
    }
}

/// What a response says, by the rules.
enum Rule {
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
    fn invalid(action: RetryAction, why: impl Into<Cow<'static, str>>) -> Self {
        let kind = ErrorKind::InvalidResponse;
        Self::Whole(Execution::Possible, action, kind, why.into())
    }
}

fn rule(ids: &[&str], response: &Response<'_>) -> Rule {
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
