//! Answers, well-formed and not.

use crate::peer::Request;

/// A whole answer, framed by its Content-Length.
pub fn framed(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    raw(
        status,
        &format!("{headers}Content-Length: {length}\r\n"),
        body,
    )
}

/// A head with the given headers and nothing added, and a body.
pub fn raw(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}

/// A whole answer in chunks of at most `size` bytes.
pub fn chunked(body: impl AsRef<[u8]>, size: usize) -> Vec<u8> {
    let mut answer = raw("200 OK", "Transfer-Encoding: chunked\r\n", "");
    for chunk in body.as_ref().chunks(size) {
        answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
        answer.extend(chunk);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\n\r\n");
    answer
}

/// The body that says that every id of the request was deleted.
fn all_deleted(request: &Request) -> String {
    deleted(&ids_of(request))
}

pub fn deleted(ids: &[String]) -> String {
    serde_json::json!({"code": 0, "msg": "success", "scopeIdList": ids, "failedScopeList": []})
        .to_string()
}

/// What the service lists.
pub const LISTED: [&str; 2] = ["1", "2"];

/// The body of a list, of devices or of the scopes of the module asked for.
fn listed(request: &Request) -> String {
    let after = request.head.split_once("moduleCode=");
    let module = after.and_then(|(_, module)| module.split(' ').next());
    let devices = LISTED.map(|id| serde_json::json!({"deviceId": id}));
    let scopes = LISTED.map(|id| serde_json::json!({"scopeId": id, "moduleCode": module}));
    serde_json::json!({"code": 0, "msg": "success", "data": devices, "scopeList": scopes})
        .to_string()
}

/// Whether the request only reads.
pub fn is_query(request: &Request) -> bool {
    request.head.starts_with("GET ")
}

/// The body that says that a request was carried out.
pub fn good_body(request: &Request) -> String {
    match is_query(request) {
        true => listed(request),
        false => all_deleted(request),
    }
}

/// The whole answer that says so.
pub fn success(request: &Request) -> Vec<u8> {
    framed("200 OK", "", good_body(request))
}

/// A refusal of the whole request.
pub fn refusal(status: &str, headers: &str) -> Vec<u8> {
    framed(
        status,
        headers,
        r#"{"error_code":"APIGW.0308","error_msg":"refused"}"#,
    )
}

/// The ids that a request holds.
pub fn ids_of(request: &Request) -> Vec<String> {
    let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
    let ids = body["scopeIdList"].as_array().expect("an array");
    ids.iter()
        .map(|id| id.as_str().expect("a string").to_owned())
        .collect()
}
