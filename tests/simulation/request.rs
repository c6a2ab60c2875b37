//! A request as the service reads it: what it says, or which rule of the API reference it breaks.

use percent_encoding::percent_decode_str;
use ring::{digest, hmac};
use serde::Deserialize;
use time::{Date, Month, PrimitiveDateTime, Time};
use ureq::http::Request;

pub const HOST: &str = "koodrive.example:8443";
const DEVICES: &str = "/koodrive/ose/v1/backup/device";
const AFTER_DEVICE: &str = "/scope";

#[derive(Default)]
pub struct Wire {
    pub user: String,
    pub asks: Asks,
    /// In seconds since 1970.
    pub x_date: u64,
    pub authorization: String,
}

/// What a request asks for.
#[derive(Default)]
pub enum Asks {
    #[default]
    Nothing,
    Deletion {
        device: String,
        ids: Vec<String>,
    },
    List(Listing),
}

/// What is to be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    Devices,
    Scopes { device: String, module: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Body {
    scope_id_list: Vec<String>,
}

pub fn read(request: &Request<()>, body: Option<&[u8]>) -> Result<Wire, String> {
    if request.uri().authority().is_some() || header(request, "host")? != HOST {
        return Err("the host".into());
    }
    if !header(request, "user-agent")?.starts_with("koodrive/") {
        return Err("user-agent".into());
    }
    let asks = match (request.method().as_str(), body) {
        ("DELETE", Some(body)) => read_deletion(request, body)?,
        ("GET", None) => Asks::List(read_query(request)?),
        (method, _) => return Err(format!("{method} with or without a body")),
    };
    Ok(Wire {
        user: header(request, "x-user-id")?,
        asks,
        x_date: read_x_date(&header(request, "x-date")?)?,
        authorization: header(request, "authorization")?,
    })
}

/// A header that must be there once.
fn header(request: &Request<()>, name: &str) -> Result<String, String> {
    let mut values = request.headers().get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => {
            String::from_utf8(value.as_bytes().into()).map_err(|_| format!("{name}: no UTF-8"))
        }
        _ => Err(format!("{name}: not once")),
    }
}

fn read_deletion(request: &Request<()>, body: &[u8]) -> Result<Asks, String> {
    if header(request, "content-type")? != "application/json" || request.uri().query().is_some() {
        return Err("content-type or query".into());
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(Asks::Deletion {
        device: device(request.uri().path())?,
        ids: body.scope_id_list,
    })
}

fn read_query(request: &Request<()>) -> Result<Listing, String> {
    for name in ["content-type", "content-length", "transfer-encoding"] {
        if request.headers().contains_key(name) {
            return Err(format!("{name} without a body"));
        }
    }
    match (request.uri().path(), request.uri().query()) {
        (DEVICES, None) => Ok(Listing::Devices),
        (path, Some(query)) => {
            let module = query.strip_prefix("moduleCode=");
            let module = module.filter(|module| !module.contains(['&', '+']));
            Ok(Listing::Scopes {
                device: device(path)?,
                module: decode(module.ok_or("the query")?)?,
            })
        }
        (_, None) => Err("the path or no query".into()),
    }
}

/// The device whose scopes a path is of.
fn device(path: &str) -> Result<String, String> {
    let device = path
        .strip_prefix(DEVICES)
        .and_then(|rest| rest.strip_prefix('/')?.strip_suffix(AFTER_DEVICE))
        .filter(|device| !device.contains('/'));
    decode(device.ok_or("the path")?)
}

fn decode(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(Into::into)
        .map_err(|error: std::str::Utf8Error| error.to_string())
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
pub fn authorization(
    request: &Request<()>,
    body: Option<&[u8]>,
    app: &str,
    secret: &str,
) -> String {
    const SIGNED: &str = "host;x-date;x-user-id";
    let header = |name: &str| {
        let value = request.headers().get(name);
        value.map_or("", |value| {
            std::str::from_utf8(value.as_bytes()).unwrap_or("")
        })
    };
    let canonical = format!(
        "{}\n{}/\n{}\nhost:{}\nx-date:{}\nx-user-id:{}\n\n{SIGNED}\n{}",
        request.method(),
        request.uri().path(),
        // Of one parameter, in the form in which it is signed.
        request.uri().query().unwrap_or_default(),
        header("host"),
        header("x-date"),
        header("x-user-id"),
        hex(digest::digest(&digest::SHA256, body.unwrap_or_default()).as_ref()),
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
