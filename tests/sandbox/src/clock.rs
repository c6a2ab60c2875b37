//! The service's clock, and the window that `X-Date` must lie in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{Date, Month, PrimitiveDateTime, Time};

const WINDOW_S: i64 = 15 * 60;
/// The last second that an HTTP date can name: the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// Whole seconds since 1970 by a clock that is `skew_s` ahead of the real one.
pub(crate) fn now(skew_s: i64) -> i64 {
    let real = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| age.as_secs() as i64);
    real.saturating_add(skew_s).clamp(0, LAST_SECOND)
}

/// The time in HTTP's own form.
pub(crate) fn http_date(now: i64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now.unsigned_abs()))
}

/// Whether the service takes this `X-Date`: well-formed, not of the future, not older than 15 minutes.
pub(crate) fn accepts(now: i64, x_date: &str) -> bool {
    parse_x_date(x_date).is_some_and(|signed| (now - WINDOW_S..=now).contains(&signed))
}

/// Reads `yyyyMMdd'T'HHmmss'Z'`.
fn parse_x_date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0, |value: u16, digit| {
            digit
                .is_ascii_digit()
                .then(|| value * 10 + u16::from(digit - b'0'))
        })
    };
    let small = |from| number(from, from + 2)?.try_into().ok();
    let month = Month::try_from(small(4)?).ok()?;
    let date = Date::from_calendar_date(number(0, 4)?.into(), month, small(6)?).ok()?;
    let time = Time::from_hms(small(9)?, small(11)?, small(13)?).ok()?;
    let moment = PrimitiveDateTime::new(date, time);
    Some(moment.assume_utc().unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_fifteen_minutes_and_has_no_future() {
        let now = parse_x_date("20251103T070140Z").unwrap();
        assert_eq!(now, 1_762_153_300);
        assert!(accepts(now, "20251103T070140Z"));
        assert!(accepts(now, "20251103T064640Z"));
        assert!(!accepts(now, "20251103T064639Z"));
        assert!(!accepts(now, "20251103T070141Z"));
    }

    #[test]
    fn only_real_moments_in_the_documented_form_are_read() {
        for bad in [
            "",
            "2025-11-03T07:01Z",
            "20251103T070140",
            "20251103t070140Z",
            "20251131T070140Z",
            "20250229T070140Z",
            "20251103T240140Z",
            "2025110+T070140Z",
        ] {
            assert_eq!(parse_x_date(bad), None, "{bad:?}");
        }
        assert!(parse_x_date("20240229T235959Z").is_some());
    }
}
