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
