//! The lines of a journal: `FORMAT.md` describes them. Each is a JSON object, closed by a checksum.

use std::borrow::Cow;
use std::io::Write;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::ranges::Ranges;
use crate::id_list;

/// The version of the format that is written, and the highest that is read.
pub(super) const VERSION: u32 = 1;

/// What each line ends with: `,"crc":"01234567"}`.
const CHECKSUM_BEFORE: &[u8] = br#","crc":""#;
const CHECKSUM_AFTER: &[u8] = br#""}"#;
const CHECKSUM_LENGTH: usize = CHECKSUM_BEFORE.len() + 8 + CHECKSUM_AFTER.len();

/// The first line: whose journal it is.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Header<'a> {
    /// The format's version.
    pub(super) koodrive_journal: u32,
    pub(super) library: Cow<'a, str>,
    pub(super) time: Cow<'a, str>,
    pub(super) endpoint: Cow<'a, str>,
    pub(super) ids: usize,
    /// SHA-256 of the plan, in hexadecimal digits.
    pub(super) plan: Cow<'a, str>,
}

/// How every other line begins. Which one it is decides what the rest is.
pub(super) const INTENT: &[u8] = br#"{"event":"intent","#;
pub(super) const RESULT: &[u8] = br#"{"event":"result","#;
pub(super) const TRIED: &[u8] = br#"{"event":"tried","#;
pub(super) const HEADER: &[u8] = br#"{"#;

/// The ids of a batch may be sent from now on.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Intent<'a> {
    pub(super) batch: u64,
    pub(super) time: Cow<'a, str>,
    pub(super) durable: u64,
    pub(super) user: Cow<'a, str>,
    pub(super) device: Cow<'a, str>,
    pub(super) positions: Ranges,
}

/// The plan says that a run without this journal may have deleted these ids.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Tried<'a> {
    pub(super) time: Cow<'a, str>,
    pub(super) durable: u64,
    pub(super) positions: Ranges,
}

/// What a request came to for ids of a batch.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct BatchResult<'a> {
    pub(super) batch: u64,
    pub(super) time: Cow<'a, str>,
    pub(super) durable: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<Cow<'a, str>>,
    pub(super) outcomes: Vec<OutcomeOf<'a>>,
}

/// An outcome that ids share, with what was said of them.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct OutcomeOf<'a> {
    /// Its name in the C interface.
    pub(super) outcome: Cow<'a, str>,
    pub(super) positions: Ranges,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<Cow<'a, str>>,
    /// Whether a next run would be told the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) permanent: bool,
}

/// Adds an intent, with the ids at its positions.
pub(super) fn write_intent(
    intent: &Intent<'_>,
    ids: &[&str],
    text: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let start = text.len();
    write_object(INTENT, intent, text)?;
    text.extend_from_slice(br#","ids":"#);
    id_list::write(ids, text)?;
    close(start, text);
    Ok(())
}

/// Adds a line that begins with one of the above.
pub(super) fn write(
    begin: &[u8],
    line: &impl Serialize,
    text: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let start = text.len();
    write_object(begin, line, text)?;
    close(start, text);
    Ok(())
}

/// Adds an object without the brace that closes it.
fn write_object(
    begin: &[u8],
    object: &impl Serialize,
    text: &mut Vec<u8>,
) -> serde_json::Result<()> {
    text.extend_from_slice(begin);
    let brace = text.len();
    serde_json::to_writer(&mut *text, object)?;
    text.remove(brace);
    text.pop();
    Ok(())
}

/// Closes the object that begins at `start`, with its checksum.
fn close(start: usize, text: &mut Vec<u8>) {
    let checksum = crc32fast::hash(&text[start..]);
    text.extend_from_slice(CHECKSUM_BEFORE);
    let _ = write!(text, "{checksum:08x}");
    text.extend_from_slice(CHECKSUM_AFTER);
    text.push(b'\n');
}

/// Whether a line, without its end, agrees with its checksum.
pub(super) fn is_intact(line: &[u8]) -> bool {
    let Some(length) = line.len().checked_sub(CHECKSUM_LENGTH) else {
        return false;
    };
    let (content, rest) = line.split_at(length);
    let expected = format!("{:08x}", crc32fast::hash(content));
    let digits = rest
        .strip_prefix(CHECKSUM_BEFORE)
        .and_then(|rest| rest.strip_suffix(CHECKSUM_AFTER));
    digits == Some(expected.as_bytes())
}

/// A moment as lines name it: `2026-11-28T03:15:00.123Z` (RFC 3339).
pub(super) fn timestamp(moment: SystemTime) -> String {
    let utc = OffsetDateTime::from(moment);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        utc.year(),
        u8::from(utc.month()),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second(),
        utc.millisecond()
    )
}
