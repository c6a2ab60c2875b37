//! Calls that only read: one request after the other, tried again as deletions are. There is a whole list at
//! the end, or an error.

use std::time::Instant;

use super::RunContext;
use super::backoff::backoff;
use super::control::{Stop, Stopped};
use super::dispatch::Dispatch;
use super::events::{Again, ToldRequest};
use super::health::Diagnosis;
use super::sender::{NotReady, Sender};
use crate::error::Error;
use crate::monitor::Watch;
use crate::service::{
    Attempt, AttemptError, FollowUp, ListResponse, Query, QueryOf, Resend, RetryAction,
};

/// Adds what the service answers to each of these queries to `list`.
pub(crate) fn read_list(
    context: RunContext<'_>,
    watch: &Watch<'_>,
    queries: &[Query<'_>],
    list: &mut dyn ListResponse,
) -> Result<(), Error> {
    let dispatch = Dispatch::new(context, watch.monitor());
    let mut reader = Reader {
        sender: Sender::new(&dispatch),
        sends: 0,
        failed_attempts: 0,
        not_before: None,
        last_error: None,
    };
    let read = queries
        .iter()
        .try_for_each(|query| reader.read(query, list));
    // After a refusal, too, it is good.
    reader.sender.close();
    read
}

struct Reader<'r> {
    sender: Sender<'r>,
    /// How often the current query was sent.
    sends: u32,
    failed_attempts: u32,
    not_before: Option<Instant>,
    last_error: Option<Error>,
}

impl Reader<'_> {
    fn read(&mut self, query: &Query<'_>, list: &mut dyn ListResponse) -> Result<(), Error> {
        self.sends = 0;
        self.failed_attempts = 0;
        self.not_before = None;
        self.last_error = None;
        let read = self.read_at_last(query, list);
        if let (Err(_), Some(error)) = (&read, &self.last_error) {
            let events = self.sender.dispatch.events;
            events.given_up(&self.told(query), error);
        }
        read
    }

    fn read_at_last(
        &mut self,
        query: &Query<'_>,
        list: &mut dyn ListResponse,
    ) -> Result<(), Error> {
        let dispatch = self.sender.dispatch;
        loop {
            let follow_up = self
                .attempt(query, list)
                .map_err(|Stopped| dispatch.stop_error())?;
            let Some(attempt_error) = follow_up.error else {
                dispatch.health.succeeded();
                return Ok(());
            };
            let check = dispatch.check();
            // What the end of the run cut short did not fail on its own.
            if check.is_ok() || attempt_error.error.http_status.is_some() {
                self.last_error = Some(attempt_error.error.clone());
            }
            check.map_err(|Stopped| dispatch.stop_error())?;
            match follow_up.action {
                RetryAction::TryAgain => self.try_again(query, attempt_error)?,
                _ => return Err(attempt_error.error),
            }
        }
    }

    /// One attempt, which may be sent again at once.
    fn attempt(
        &mut self,
        query: &Query<'_>,
        list: &mut dyn ListResponse,
    ) -> Result<FollowUp, Stopped> {
        let mut resent = Resend::default();
        loop {
            self.sender.stand_in_line();
            match self.sender.make_ready(self.not_before) {
                Ok(()) => {}
                Err(NotReady::Stopped) => return Err(Stopped),
                Err(NotReady::NotConnected(failure) | NotReady::Failed(failure)) => {
                    return Ok(Attempt::failed(&failure).follow_up);
                }
            }
            self.sends += 1;
            let events = self.sender.dispatch.events;
            let sent = events.sending(self.told(query));
            let context = self.sender.dispatch.query_context();
            let attempt = self.sender.session.read(query, list, &context);
            events.sent(&sent, &attempt);
            let mut follow_up = attempt.follow_up;
            self.sender.end_request(&mut follow_up, false);
            if follow_up.is_answered {
                self.sender.answered();
            }
            if !follow_up.resend.is_new(&mut resent) {
                return Ok(follow_up);
            }
            if let Some(attempt_error) = &follow_up.error {
                self.tell_retry(query, &attempt_error.error, &Again::AtOnce);
            }
        }
    }

    /// Prepares the next attempt, unless the last one was the last.
    fn try_again(&mut self, query: &Query<'_>, attempt_error: AttemptError) -> Result<(), Error> {
        let dispatch = self.sender.dispatch;
        let report = self.sender.failed(&attempt_error);
        self.not_before = None;
        match report.diagnosis {
            Diagnosis::GivenUp => {
                let down = Stop::ServiceDown(attempt_error.error);
                dispatch.control.stop(down);
                return Err(dispatch.stop_error());
            }
            Diagnosis::ServiceDown { .. } => {
                self.tell_retry(query, &attempt_error.error, &Again::WhenPossible);
                self.sender.step_back();
            }
            Diagnosis::RequestFailed | Diagnosis::ServiceSuspected if report.is_throttled => {
                self.tell_retry(query, &attempt_error.error, &Again::WhenPossible);
            }
            Diagnosis::RequestFailed | Diagnosis::ServiceSuspected => {
                self.failed_attempts += 1;
                let limits = dispatch.context.limits;
                let random = dispatch.context.system.random();
                let not_before = report.now + backoff(self.failed_attempts, random);
                let deadline = dispatch.control.deadline();
                if self.failed_attempts >= limits.max_attempts
                    || deadline.is_some_and(|deadline| not_before >= deadline)
                {
                    return Err(attempt_error.error);
                }
                self.not_before = Some(not_before);
                let again = Again::NotBefore(not_before);
                self.tell_retry(query, &attempt_error.error, &again);
            }
        }
        Ok(())
    }

    fn tell_retry(&self, query: &Query<'_>, error: &Error, again: &Again) {
        let next = self.told(query).next_try();
        self.sender.dispatch.tell_retry(&next, error, again);
    }

    /// The latest try, as events tell of it.
    fn told<'q>(&self, query: &Query<'q>) -> ToldRequest<'q> {
        ToldRequest {
            user: query.user,
            device: match query.of {
                QueryOf::Devices => None,
                QueryOf::Scopes { device, .. } => Some(device),
            },
            first_scope: None,
            scope_count: 0,
            attempt: self.sends,
        }
    }
}
