//! The service's clock, as far as it is known, and the forms in which HTTP writes time.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::sync::lock;
use time::OffsetDateTime;

/// `X-Date` must not be later than the service's clock: this much difference does no harm.
const MARGIN: Duration = Duration::from_secs(5);

/// `X-Date` may be this old (the API reference).
const MAX_AGE: Duration = Duration::from_secs(15 * 60);

/// Dates outside 2000 to 2099 are nobody's clock.
const SANE: std::ops::Range<u64> = 946_684_800..4_102_444_800;

/// How far the service's clock is from ours. It is learnt only from a refusal that the `X-Date` may
/// be the reason of, and only over verified TLS or loopback, for an endpoint is never anything else.
#[derive(Debug, Default)]
pub struct Clock {
    offset: Mutex<Offset>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offset {
    seconds: i64,
    /// Learnt from a `Date` which may be a cache's: no request with it was carried out yet.
    is_unproven: bool,
}

/// An `X-Date`.
pub struct XDate {
    /// The moment it names.
    time: SystemTime,
    /// As it is sent: `20251103T070140Z`.
    pub text: String,
    offset: Offset,
}

impl Offset {
    const NONE: Self = Self {
        seconds: 0,
        is_unproven: false,
    };

    /// The service's time when ours is `now`.
    fn service_time(self, now: SystemTime) -> SystemTime {
        let distance = Duration::from_secs(self.seconds.unsigned_abs());
        let shifted = match self.seconds {
            0.. => now.checked_add(distance),
            _ => now.checked_sub(distance),
        };
        shifted.unwrap_or(now)
    }
}

impl Default for Offset {
    fn default() -> Self {
        Self::NONE
    }
}

impl Clock {
    /// The service's time when ours is `now`.
    pub fn service_time(&self, now: SystemTime) -> SystemTime {
        self.lock().service_time(now)
    }

    /// How far the service's clock is ahead of ours, in seconds.
    pub(super) fn offset_seconds(&self) -> i64 {
        self.lock().seconds
    }

    /// The `X-Date` of a request sent now.
    pub fn x_date(&self, now: SystemTime) -> XDate {
        let offset = *self.lock();
        let service = offset.service_time(now);
        let seconds = unix_seconds(service.checked_sub(MARGIN).unwrap_or(service));
        let utc =
            OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let day =
            utc.year() * 10_000 + i32::from(u8::from(utc.month())) * 100 + i32::from(utc.day());
        let time = u32::from(utc.hour()) * 10_000
            + u32::from(utc.minute()) * 100
            + u32::from(utc.second());
        let text = format!("{day:08}T{time:06}Z");
        XDate {
            time: utc.into(),
            text,
            offset,
        }
    }

    /// A request was carried out: its `X-Date` was good.
    pub fn accepted(&self, sent: &XDate) {
        let mut offset = sent.offset;
        if offset.is_unproven {
            offset.is_unproven = false;
            self.replace(sent, offset);
        }
    }

    /// A request was refused, perhaps for its `X-Date`. Learns the offset from the response's `Date`,
    /// read at `now`, if the `X-Date` was outside what the service allows; but drops one that was
    /// learnt before and did not help. What another refusal has taught since the request was sent, it
    /// knows better. Whether the `X-Date` was outside.
    pub fn refused(&self, sent: &XDate, date: Option<SystemTime>, now: SystemTime) -> bool {
        let was_wrong = date.is_some_and(|date| !is_allowed(sent.time, date));
        if sent.offset.is_unproven {
            if was_wrong || date.is_none() {
                self.replace(sent, Offset::NONE);
            }
        } else if let Some(date) = date.filter(|_| was_wrong) {
            let seconds = unix_seconds(date).saturating_sub(unix_seconds(now));
            let learnt = Offset {
                seconds,
                is_unproven: true,
            };
            self.replace(sent, learnt);
        }
        was_wrong
    }

    /// Replaces the offset that a request was sent with, unless somebody did before.
    fn replace(&self, sent: &XDate, new: Offset) {
        let mut offset = self.lock();
        if *offset == sent.offset {
            *offset = new;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Offset> {
        lock(&self.offset)
    }
}

/// Whether a service whose clock says `date` takes this `X-Date`.
fn is_allowed(x_date: SystemTime, date: SystemTime) -> bool {
    let oldest = date.checked_sub(MAX_AGE).unwrap_or(date);
    (oldest..=date).contains(&x_date)
}

/// Whole seconds since 1970, rounded down.
fn unix_seconds(time: SystemTime) -> i64 {
    let bounded = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => bounded(since.as_secs()),
        Err(error) => {
            let before = error.duration();
            -bounded(before.as_secs()) - i64::from(before.subsec_nanos() > 0)
        }
    }
}

/// `Date`, in any of HTTP's three forms (RFC 9110, 5.6.7), if it can be a clock's.
pub(super) fn parse_date(text: &str) -> Option<SystemTime> {
    let date = httpdate::parse_http_date(text).ok()?;
    let since = date.duration_since(UNIX_EPOCH).ok()?;
    SANE.contains(&since.as_secs()).then_some(date)
}

/// `Retry-After`: seconds, or a date on the service's clock (RFC 9110, 10.2.3).
pub(super) fn parse_retry_after(text: &str, service_now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(service_now).unwrap_or_default())
}
