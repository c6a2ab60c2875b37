//! What one attempt to send a request came to: whether the service executed it, what the response says
//! of its ids, and what to do with the others. Pure functions.

use std::time::Duration;

use super::body::FailedScope;
use super::id_matcher::IdMatch;
use super::response::Response;
use super::rule::{Rule, rule};
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

    pub(crate) fn is_for_the_clock(self) -> bool {
        self.clock_corrected
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
        let rule = rule(ids, &response);
        Self::by(rule, response)
    }

    /// Judges the response to a query; of a success `read_list` takes the list.
    pub(super) fn judge_query(
        response: Response<'a>,
        read_list: impl FnOnce() -> Result<(), String>,
    ) -> Self {
        let rule = match rule(&[], &response) {
            Rule::Each(found) => match read_list() {
                Ok(()) => Rule::Each(found),
                Err(why) => {
                    let why = format!("the list can't be read: {why}");
                    Rule::invalid(RetryAction::TryAgain, why)
                }
            },
            whole => whole,
        };
        Self::by(rule, response)
    }

    fn by(rule: Rule, response: Response<'a>) -> Self {
        let (coverage, action, error) = match rule {
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
