//! The service's clock, as far as it is known, and the forms in which HTTP writes time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// `X-Date` must not be later than the service's clock: this much difference does no harm.
const MARGIN: Duration = Duration::from_secs(5);

/// `X-Date` may be this old (the page).
const MAX_AGE: Duration = Duration::from_secs(15 * 60);

/// Dates outside 2000 to 2099 are nobody's clock.
const SANE: std::ops::Range<u64> = 946_684_800..4_102_444_800;

/// How far the service's clock is from ours. It is learnt only from a refusal, and only over
/// verified TLS or loopback, for an endpoint is never anything else.
#[derive(Debug, Default)]
pub struct Clock {
    offset_seconds: AtomicI64,
}

/// An `X-Date`.
pub struct XDate {
    /// The moment it names.
    pub time: SystemTime,
    /// As it is sent: `20251103T070140Z`.
    pub text: String,
}

impl Clock {
    /// The service's time when ours is `now`.
    pub fn service_time(&self, now: SystemTime) -> SystemTime {
        let offset = self.offset_seconds.load(Ordering::Relaxed);
        let distance = Duration::from_secs(offset.unsigned_abs());
        let shifted = match offset {
            0.. => now.checked_add(distance),
            _ => now.checked_sub(distance),
        };
        shifted.unwrap_or(now)
    }

    /// The `X-Date` of a request sent now.
    pub fn x_date(&self, now: SystemTime) -> XDate {
        let service = self.service_time(now);
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
        }
    }

    /// Learns the offset from the `Date` of an answer read at `now`, if the request's `X-Date` was
    /// outside what the service allows. Whether it was.
    pub fn correct(&self, sent: SystemTime, date: SystemTime, now: SystemTime) -> bool {
        let oldest = date.checked_sub(MAX_AGE).unwrap_or(date);
        let was_wrong = sent > date || sent < oldest;
        if was_wrong {
            let offset = unix_seconds(date).saturating_sub(unix_seconds(now));
            self.offset_seconds.store(offset, Ordering::Relaxed);
        }
        was_wrong
    }
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
