//! A request as the service reads it: what it says, or which rule of the API reference it breaks.

use percent_encoding::percent_decode_str;
use ring::{digest, hmac};
use serde::Deserialize;
use time::{Date, Month, PrimitiveDateTime, Time};
use ureq::http::Request;

pub const HOST: &str = "koodrive.example:8443";
const BEFORE_DEVICE: &str = "/koodrive/ose/v1/backup/device/";
const AFTER_DEVICE: &str = "/scope";

#[derive(Default)]
pub struct Wire {
    pub user: String,
    pub device: String,
    pub ids: Vec<String>,
    /// In seconds since 1970.
    pub x_date: u64,
    pub authorization: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Body {
    scope_id_list: Vec<String>,
}

pub fn read(request: &Request<()>, body: &[u8]) -> Result<Wire, String> {
    let uri = request.uri();
    if request.method() != "DELETE" || uri.authority().is_some() || uri.query().is_some() {
        return Err(format!("{} {uri}", request.method()));
    }
    let device = uri
        .path()
        .strip_prefix(BEFORE_DEVICE)
        .and_then(|rest| rest.strip_suffix(AFTER_DEVICE))
        .filter(|device| !device.contains('/'))
        .ok_or("the path")?;
    let header = |name: &str| {
        let mut values = request.headers().get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => {
                String::from_utf8(value.as_bytes().into()).map_err(|_| format!("{name}: no UTF-8"))
            }
            _ => Err(format!("{name}: not once")),
        }
    };
    if header("content-type")? != "application/json" || header("host")? != HOST {
        return Err("content-type or host".into());
    }
    if !header("user-agent")?.starts_with("koodrive/") {
        return Err("user-agent".into());
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(Wire {
        user: header("x-user-id")?,
        device: percent_decode_str(device)
            .decode_utf8()
            .map_err(|error| error.to_string())?
            .into_owned(),
        ids: body.scope_id_list,
        x_date: read_x_date(&header("x-date")?)?,
        authorization: header("authorization")?,
    })
}

/// `20251103T070140Z`, and nothing else.
fn read_x_date(text: &str) -> Result<u64, String> {
    let number = |range| {
        text.get(range)
            .and_then(|part: &str| part.parse::<u16>().ok())
    };
    let seconds = || {
        let shape = text.bytes().enumerate().all(|(place, byte)| match place {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit() && place < 16,
        });
        let month = Month::try_from(u8::try_from(number(4..6)?).ok()?).ok()?;
        let day = u8::try_from(number(6..8)?).ok()?;
        let date = Date::from_calendar_date(number(0..4)?.into(), month, day).ok()?;
        let part = |range| u8::try_from(number(range)?).ok();
        let time = Time::from_hms(part(9..11)?, part(11..13)?, part(13..15)?).ok()?;
        let seconds = PrimitiveDateTime::new(date, time)
            .assume_utc()
            .unix_timestamp();
        u64::try_from(seconds)
            .ok()
            .filter(|_| shape && text.len() == 16)
    };
    seconds().ok_or_else(|| format!("x-date: {text}"))
}

/// The `Authorization` that this request must have, by the vendor's rules.
pub fn authorization(request: &Request<()>, body: &[u8], app: &str, secret: &str) -> String {
    const SIGNED: &str = "host;x-date;x-user-id";
    let header = |name: &str| {
        let value = request.headers().get(name);
        value.map_or("", |value| {
            std::str::from_utf8(value.as_bytes()).unwrap_or("")
        })
    };
    let canonical = format!(
        "DELETE\n{}/\n\nhost:{}\nx-date:{}\nx-user-id:{}\n\n{SIGNED}\n{}",
        request.uri().path(),
        header("host"),
        header("x-date"),
        header("x-user-id"),
        hex(digest::digest(&digest::SHA256, body).as_ref()),
    );
    let hashed = digest::digest(&digest::SHA256, canonical.as_bytes());
    let to_sign = format!("HMAC-SHA256\n{}", hex(hashed.as_ref()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
    format!("HMAC-SHA256 AppId={app},SignedHeaders={SIGNED},Signature={signature}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
