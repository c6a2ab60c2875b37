//! Tells a run's monitor what happens. Where nobody keeps events, none is made.

use std::borrow::Cow;
use std::ffi::CString;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::event::{Event, EventKind, RequestName};
use crate::monitor::Monitor;
use crate::service::{Attempt, AttemptError};
use crate::system::System;

/// The longest text of an event: many are kept at a time.
const MAX_TEXT_BYTES: usize = 512;
const ELLIPSIS: &str = "...";

/// The way to the monitor of one run.
#[derive(Clone, Copy)]
pub(super) struct Events<'a> {
    monitor: &'a Monitor,
    system: &'a dyn System,
    began: Instant,
    is_kept: bool,
}

/// A request, as events tell of it.
#[derive(Clone, Copy)]
pub(super) struct ToldRequest<'r> {
    pub(super) user: &'r str,
    pub(super) device: Option<&'r str>,
    pub(super) first_scope: Option<&'r str>,
    pub(super) scope_count: usize,
    /// Which try of it, from 1.
    pub(super) attempt: u32,
}

/// A request on its way.
pub(super) struct Sent<'r> {
    /// None where nobody wants to know.
    at: Option<Instant>,
    request: ToldRequest<'r>,
}

/// When a request will be sent again.
pub(super) enum Again {
    AtOnce,
    NotBefore(Instant),
    /// When the rate, a pause or an outage allows it.
    WhenPossible,
    InHalves,
}

impl Again {
    /// In words; `until`: as far as it is known by now, nothing is sent before that.
    fn words(&self, now: Instant, until: Option<Instant>) -> String {
        let not_before = match self {
            Self::NotBefore(moment) => until.max(Some(*moment)),
            _ => until,
        };
        let pause = not_before.map(|at| at.saturating_duration_since(now).as_millis());
        match (self, pause.filter(|pause| *pause > 0)) {
            (Self::AtOnce | Self::NotBefore(_), None) => "at once".to_owned(),
            (Self::AtOnce | Self::NotBefore(_), Some(pause)) => format!("in {pause} ms"),
            (Self::WhenPossible, None) => "when the service allows it".to_owned(),
            (Self::WhenPossible, Some(pause)) => {
                format!("when the service allows it, in {pause} ms at the earliest")
            }
            (Self::InHalves, _) => "in two halves".to_owned(),
        }
    }
}

impl<'a> Events<'a> {
    /// Of a run that begins at this moment.
    pub(super) fn new(monitor: &'a Monitor, system: &'a dyn System, began: Instant) -> Self {
        Self {
            monitor,
            system,
            began,
            is_kept: monitor.keeps_events(),
        }
    }

    /// A request is sent.
    pub(super) fn sending<'r>(&self, request: ToldRequest<'r>) -> Sent<'r> {
        self.monitor.count_request();
        Sent {
            at: self.is_kept.then(|| self.now()),
            request,
        }
    }

    /// It was answered, or failed.
    pub(super) fn sent(&self, sent: &Sent<'_>, attempt: &Attempt<'_>) {
        let error = attempt.follow_up.error.as_ref();
        if error.is_some_and(AttemptError::is_throttle) {
            self.monitor.count_throttle();
        }
        let Some(at) = sent.at else { return };
        let now = self.now();
        let message = match error {
            Some(error) => one_short_line(&error.error.message).into(),
            None => "the service answered the request".into(),
        };
        self.push(Event {
            request_id: attempt.request_id.as_deref().map(bounded),
            http_status: attempt.status,
            duration: now.saturating_duration_since(at),
            ..self
                .event(EventKind::Request, message, now)
                .of(&sent.request)
        });
    }

    /// A request will be sent again; until when nothing is sent is asked only where it is told.
    pub(super) fn retry(
        &self,
        request: &ToldRequest<'_>,
        error: &Error,
        again: &Again,
        until: impl FnOnce() -> Option<Instant>,
    ) {
        self.monitor.count_retry();
        self.tell(|| {
            let now = self.now();
            let when = again.words(now, until());
            let message = format!("sent again {when}: {}", error.message);
            self.about(EventKind::Retry, message, error, now)
                .of(request)
        });
    }

    /// A request that failed is not sent again.
    pub(super) fn given_up(&self, request: &ToldRequest<'_>, error: &Error) {
        self.tell(|| {
            let message = format!("not sent again: {}", error.message);
            self.about(EventKind::GivenUp, message, error, self.now())
                .of(request)
        });
    }

    /// The service refused a request for its rate, which is this from now on.
    pub(super) fn throttled(&self, rate: f64, error: &Error) {
        self.tell(|| {
            let message = format!(
                "throttled to {rate:.1} requests a second: {}",
                error.message
            );
            Event {
                rate: Some(rate),
                ..self.about(EventKind::Throttled, message, error, self.now())
            }
        });
    }

    /// The service is down, and was so for this long by now.
    pub(super) fn outage_began(&self, now: Instant, duration: Duration, error: &Error) {
        self.tell(|| {
            let (seconds, why) = (duration.as_secs_f64(), &error.message);
            let message = format!("the service has been down for {seconds:.1} s: {why}");
            Event {
                duration,
                ..self.about(EventKind::OutageBegan, message, error, now)
            }
        });
    }

    /// It was down for so long.
    pub(super) fn outage_ended(&self, now: Instant, duration: Duration) {
        self.tell(|| {
            let seconds = duration.as_secs_f64();
            let message = format!("the service is back after {seconds:.1} s");
            Event {
                duration,
                ..self.event(EventKind::OutageEnded, message.into(), now)
            }
        });
    }

    /// The service's clock is so many seconds ahead of ours.
    pub(super) fn clock_corrected(&self, seconds: i64) {
        self.tell(|| {
            let direction = if seconds < 0 { "behind" } else { "ahead of" };
            let seconds = seconds.unsigned_abs();
            let message = format!("the service's clock is {seconds} s {direction} ours");
            self.event(EventKind::ClockCorrected, message.into(), self.now())
        });
    }

    /// Nothing new is sent.
    pub(super) fn stopping(&self, now: Instant, error: &Error) {
        self.tell(|| self.about(EventKind::Stopping, error.message.clone(), error, now));
    }

    /// For those who tell while they hold a lock, under which nobody looks at the clock.
    pub(super) fn now(&self) -> Instant {
        self.system.now()
    }

    fn tell(&self, event: impl FnOnce() -> Event) {
        if self.is_kept {
            self.push(event());
        }
    }

    fn push(&self, event: Event) {
        self.monitor.push_event(event);
    }

    fn about(&self, kind: EventKind, message: String, error: &Error, now: Instant) -> Event {
        Event {
            request_id: error.request_id.as_deref().map(bounded),
            http_status: error.http_status,
            ..self.event(kind, one_short_line(&message).into(), now)
        }
    }

    fn event(&self, kind: EventKind, message: Cow<'static, str>, now: Instant) -> Event {
        Event {
            kind,
            message,
            request: None,
            request_id: None,
            http_status: None,
            elapsed: now.saturating_duration_since(self.began),
            duration: Duration::ZERO,
            scope_count: 0,
            attempt: 0,
            rate: None,
        }
    }
}

impl Event {
    fn of(self, request: &ToldRequest<'_>) -> Self {
        Self {
            request: Some(request.name()),
            scope_count: request.scope_count,
            attempt: request.attempt,
            ..self
        }
    }
}

impl ToldRequest<'_> {
    pub(super) fn next_try(self) -> Self {
        Self {
            attempt: self.attempt + 1,
            ..self
        }
    }

    fn name(&self) -> RequestName {
        // No id holds a NUL.
        let c_string = |id: &str| CString::new(id).unwrap_or_default();
        RequestName {
            user_id: c_string(self.user),
            device_id: self.device.map(c_string),
            first_scope_id: self.first_scope.map(c_string),
        }
    }
}

/// The service's words may be long, and may have lines, which a log would take for records.
fn one_short_line(text: &str) -> String {
    let short = bounded(text);
    match short.contains(breaks_a_line) {
        true => short.replace(breaks_a_line, " "),
        false => short,
    }
}

fn bounded(text: &str) -> String {
    if text.len() <= MAX_TEXT_BYTES {
        return text.to_owned();
    }
    let mut end = MAX_TEXT_BYTES - ELLIPSIS.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    [&text[..end], ELLIPSIS].concat()
}

/// Unicode's separators of lines and paragraphs are no control characters.
fn breaks_a_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}
