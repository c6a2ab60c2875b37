//! Lists of scope ids as JSON arrays of strings.

/// Adds the array. Ids are visible ASCII, of which JSON escapes two characters (RFC 8259, 7): where none of
/// them occurs ids are copied whole, while serde would look at each byte.
pub(crate) fn write(ids: &[&str], json: &mut Vec<u8>) -> serde_json::Result<()> {
    let start = json.len();
    copy(ids, json);
    let our_quotes = 2 * ids.len();
    let written = &json[start..];
    let needs_escapes = memchr::memchr_iter(b'"', written).count() != our_quotes
        || memchr::memchr(b'\\', written).is_some();
    if needs_escapes {
        json.truncate(start);
        serde_json::to_writer(json, ids)?;
    }
    Ok(())
}

fn copy(ids: &[&str], json: &mut Vec<u8>) {
    json.reserve(ids.iter().map(|id| id.len() + 3).sum::<usize>() + 2);
    let mut before: &[u8] = b"[\"";
    for id in ids {
        json.extend_from_slice(before);
        json.extend_from_slice(id.as_bytes());
        before = b"\",\"";
    }
    json.extend_from_slice(if ids.is_empty() { b"[]" } else { b"\"]" });
}
