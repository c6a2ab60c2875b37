//! Whatever `Retry-After` and `Date` say, and whatever our own clock shows: before a request is tried
//! again, a wait that was asked for is never cut short; `X-Date` is right as far as it can be; and
//! nothing overflows.
#![no_main]

use std::time::Duration;

use http::HeaderMap;
use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::plan::Plan;
use koodrive_fuzz::script::{self, Answer, Reply};
use koodrive_fuzz::service::{Exchange, World};
use libfuzzer_sys::fuzz_target;
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// A longer pause is not waited for: the run ends.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// `X-Date` must not be later than the service's clock.
const MARGIN: i64 = 5;
const MAX_AGE: i64 = 15 * 60;
/// 2000 to 2099: what a service's clock may show.
const SANE: std::ops::Range<i64> = 946_684_800..4_102_444_800;
/// The years that `X-Date` can be written for.
const WRITABLE: std::ops::Range<i64> = 0..253_402_300_800;

fuzz_target!(|input: &[u8]| {
    // The first line: what our clock shows.
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let clock = std::str::from_utf8(&input[..end]).ok();
    let Some(clock) = clock.and_then(|text| text.parse::<u32>().ok()) else {
        return;
    };
    // Four billion seconds of 32 bits end in 2106; sixteen times as many in the year 4147.
    let clock = u64::from(clock) << 4;
    let world = World::new(script::read(&input[end + 1..]), clock);
    let mut config = Config::new();
    config
        .set_endpoint("https://service.example")
        .expect("a good endpoint");
    config.set_user_id("user").expect("a good user");
    config.set_access_token("token").expect("a good token");
    let client = Client::with_parts(&config, Box::new(world.clone()), Box::new(world.clone()));
    let mut plan = Plan::new();
    plan.add(None, "device", ["1", "2"].into_iter())
        .expect("good ids");
    let (_, error) = client
        .expect("a good config")
        .delete_plan(&plan, None)
        .expect("a good plan");
    if let Some(error) = error {
        assert_ne!(error.kind, ErrorKind::Internal, "{error}");
    }
    check(&world.exchanges(), clock as i64);
});

fn check(exchanges: &[Exchange], clock: i64) {
    // What is known of the service's clock: seconds to add to ours, and whether a request with them
    // was carried out.
    let (mut offset, mut is_proven) = (0, true);
    for (index, exchange) in exchanges.iter().enumerate() {
        let ours = |elapsed: Duration| clock + elapsed.as_secs() as i64;
        let x_date = read_x_date(&exchange.x_date);
        let right = ours(exchange.sent) + offset - MARGIN;
        if WRITABLE.contains(&right) {
            assert_eq!(x_date, right, "request {index}, corrected by {offset} s");
        }
        let Reply::Answer(answer) = &exchange.reply else {
            continue;
        };
        let date = text(&answer.headers, "date").and_then(read_http_date);
        let date = date.filter(|date| SANE.contains(date));
        let now = ours(exchange.answered);
        let was_wrong = date.is_some_and(|date| !(date - MAX_AGE..=date).contains(&x_date));
        match (answer.status, is_proven) {
            (200, _) => is_proven = true,
            (400 | 401, true) if was_wrong => {
                (offset, is_proven) = (date.unwrap_or(now) - now, false);
            }
            // It did not help, so it was wrong.
            (400 | 401, false) if was_wrong || date.is_none() => (offset, is_proven) = (0, true),
            _ => {}
        }
        if let Some(next) = exchanges.get(index + 1)
            && matches!(answer.status, 408 | 409 | 421 | 423 | 425 | 429 | 500..600)
        {
            let millis = clock * 1000
                + exchange.answered.as_nanos().div_ceil(1_000_000) as i64
                + offset * 1000;
            let pause = asked_pause(answer, date.map_or(millis, |date| date * 1000));
            assert!(pause <= LONGEST_PAUSE, "{pause:?} after {answer:?}");
            let waited = next.sent - exchange.answered;
            assert!(
                waited >= pause,
                "waited {waited:?} of {pause:?} after {answer:?}"
            );
        }
    }
}

/// How long the service asks us to wait; `now` is what its clock shows, in milliseconds.
fn asked_pause(answer: &Answer, now: i64) -> Duration {
    let Some(text) = text(&answer.headers, "retry-after") else {
        return Duration::ZERO;
    };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = read_http_date(text).map_or(now, |seconds| seconds * 1000);
        Duration::from_millis(u64::try_from(until - now).unwrap_or(0))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.trim())
}

/// The form that is sent today (RFC 9110, 5.6.7), in Unix seconds.
fn read_http_date(text: &str) -> Option<i64> {
    const IMF_FIXDATE: &[FormatItem] = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = PrimitiveDateTime::parse(text, IMF_FIXDATE).ok()?;
    // A day that is not that day of the week, or letters in another case, make no date.
    let is_exact = date.format(IMF_FIXDATE).is_ok_and(|exact| exact == text);
    is_exact.then(|| date.assume_utc().unix_timestamp())
}

/// `20251103T070140Z` in Unix seconds; it must have this form.
fn read_x_date(text: &str) -> i64 {
    const X_DATE: &[FormatItem] = format_description!("[year][month][day]T[hour][minute][second]Z");
    let date = PrimitiveDateTime::parse(text, X_DATE).map(PrimitiveDateTime::assume_utc);
    date.map(OffsetDateTime::unix_timestamp)
        .unwrap_or_else(|error| panic!("X-Date {text:?}: {error}"))
}
