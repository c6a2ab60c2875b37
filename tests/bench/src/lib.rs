//! What the benchmark's programs share: the ids that are deleted, and the answers about them.

/// The device whose scopes are deleted.
pub const DEVICE: &str = "dev-0001";
/// The user whose device it is.
pub const USER: &str = "4400001234567890";
/// The access token.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The benchmark's scope id number `index`; all are different.
pub fn scope_id(index: u64) -> String {
    (1_000_000_000_000_000_000 + index * 982_451_653).to_string()
}

/// The server says of every tenth id that it does not exist.
pub fn fails(scope_id: &str) -> bool {
    scope_id.ends_with('7')
}

/// The body of a successful answer about these ids.
pub fn answer<'a>(ids: impl Iterator<Item = &'a str> + Clone) -> String {
    let mut text = String::with_capacity(8 * 1024);
    text += r#"{"scopeIdList":["#;
    let mut before = "\"";
    for id in ids.clone().filter(|id| !fails(id)) {
        text.extend([before, id, "\""]);
        before = ",\"";
    }
    text += r#"],"failedScopeList":["#;
    let mut before = r#"{"scopeId":""#;
    let code_and_message = r#"","errorCode":"15000418","msg":"The backup scope does not exist."}"#;
    for id in ids.filter(|id| fails(id)) {
        text.extend([before, id, code_and_message]);
        before = r#",{"scopeId":""#;
    }
    text + r#"],"code":0,"msg":"success"}"#
}

/// How many scopes a device has, and how long their paths are.
const LISTED: (u64, usize) = (100_000, 200);

/// The body of the answer that lists them.
pub fn list() -> String {
    let (count, path_length) = LISTED;
    let folder = "/DCIM/Camera".repeat(path_length / 12);
    let entry = |index| {
        let id = scope_id(index);
        format!(
            r#"{{"localPath":"{folder}/{index:06}","targetFolderPath":"/backup","scopeId":"{id}","moduleCode":"101","createTime":"2025-09-15T06:14:48.630Z"}}"#
        )
    };
    let entries: Vec<_> = (0..count).map(entry).collect();
    format!(
        r#"{{"code":0,"msg":"success","scopeList":[{}]}}"#,
        entries.join(",")
    )
}
