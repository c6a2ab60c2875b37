//! Whole answers that mean nothing: never a success, and their connection is not used again.

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{framed, good_body, raw, success};
use crate::client::{Call, client, config, delete, with_attempts};
use crate::peer::{Over, Peer, Request};

/// Answers the first request with nonsense and the others well. Alone the nonsense leaves the id
/// UNKNOWN, or is an error; with a second attempt the call succeeds, over another connection.
#[track_caller]
fn not_trusted(case: &str, answer: impl Fn(&Request) -> Vec<u8> + Clone + Send + Sync + 'static) {
    for call in [Call::Delete, Call::ListScopes] {
        not_trusted_by(call, case, answer.clone());
    }
}

#[track_caller]
fn not_trusted_by(
    call: Call,
    case: &str,
    answer: impl Fn(&Request) -> Vec<u8> + Clone + Send + Sync + 'static,
) {
    let start = || {
        let answer = answer.clone();
        Peer::start(Over::Plain, move |mut visit| {
            while let Some(request) = visit.request() {
                match visit.index {
                    0 => visit.send(answer(&request)),
                    _ => visit.send(success(&request)),
                };
            }
        })
    };
    let peer = start();
    let (outcome, kind) = (Outcome::Unknown, ErrorKind::InvalidResponse);
    call.expect_failure_in(case, &client(&config(&peer)), outcome, kind);

    let peer = start();
    call.expect_success_in(case, &client(&with_attempts(config(&peer), 2)));
    assert_eq!(peer.visits(), 2, "{case}");
}

/// A 200 with a well-framed body that says nothing. Those of lists are in `listing.rs`.
fn body_not_trusted(case: &str, body: impl AsRef<[u8]>) {
    let answer = framed("200 OK", "Content-Type: application/json\r\n", body);
    not_trusted_by(Call::Delete, case, move |_| answer.clone());
}

#[test]
fn bodies() {
    let yes = r#""code":0,"msg":"success","scopeIdList":["1"]"#;
    let nested = "[".repeat(100_000);
    let balanced = format!("{nested}{}", "]".repeat(100_000));
    let cases: [(&str, String); 26] = [
        ("empty", String::new()),
        ("white space", " \r\n".into()),
        ("garbage", "\u{1}\u{2}x".into()),
        ("HTML", "<html><body>All good!</body></html>".into()),
        ("text", "OK".into()),
        ("null", "null".into()),
        ("a number", "0".into()),
        ("a string", r#""success""#.into()),
        ("an array", "[0]".into()),
        ("an array by position", r#"[0,"success",["1"],[]]"#.into()),
        ("an array of one", format!("[{{{yes}}}]")),
        ("BOM", format!("\u{feff}{{{yes}}}")),
        ("NUL at the end", format!("{{{yes}}}\0")),
        ("two objects", format!("{{{yes}}}{{{yes}}}")),
        ("duplicate code", format!(r#"{{"code":13000102,{yes}}}"#)),
        (
            "duplicate escaped code",
            format!(r#"{{{yes},"\u0063ode":0}}"#),
        ),
        (
            "duplicate list",
            format!(r#"{{{yes},"scopeIdList":["1"]}}"#),
        ),
        (
            "duplicate in an entry",
            r#"{"code":0,"failedScopeList":[{"scopeId":"1","scopeId":"1","errorCode":"15000418"}]}"#
                .into(),
        ),
        (
            "an entry by position",
            r#"{"code":0,"failedScopeList":[["1","15000418","gone"]]}"#.into(),
        ),
        ("nested brackets", nested.clone()),
        ("nested brackets, closed", balanced.clone()),
        (
            "nested brackets as ids",
            format!(r#"{{"code":0,"scopeIdList":{balanced}}}"#),
        ),
        (
            "nested brackets, unknown field",
            format!(r#"{{{yes},"more":{nested}}}"#),
        ),
        ("no code", r#"{"scopeIdList":["1"]}"#.into()),
        ("a fraction", r#"{"code":0.0,"scopeIdList":["1"]}"#.into()),
        ("an id as a fraction", r#"{"code":0,"scopeIdList":[1.0]}"#.into()),
    ];
    for (case, body) in cases {
        body_not_trusted(case, body);
    }
    body_not_trusted("UTF-16", utf16(&format!("{{{yes}}}")));
    body_not_trusted(
        "not UTF-8",
        b"{\"code\":0,\"msg\":\"\xff\",\"scopeIdList\":[\"1\"]}",
    );
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn statuses() {
    for status in [
        "201 Created",
        "202 Accepted",
        "203 X",
        "206 Partial Content",
        "226 X",
    ] {
        not_trusted(status, move |request| {
            framed(status, "", good_body(request))
        });
    }
    for status in ["204 No Content", "205 Reset Content"] {
        not_trusted(status, move |_| raw(status, "Content-Length: 0\r\n", ""));
    }
    for status in ["101 Switching Protocols", "600 X", "999 X"] {
        not_trusted(status, move |request| {
            framed(status, "", good_body(request))
        });
    }
}

/// What is no HTTP/1 at all.
#[test]
fn heads() {
    let cases: [&[u8]; 10] = [
        b"\0\0\0\0\r\n\r\n",
        b"<html>It works!</html>\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 000 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA header without a colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
        b"\x15\x03\x01\x00\x02\x02\x16\r\n\r\n",
    ];
    for head in cases {
        let case = String::from_utf8_lossy(head);
        not_trusted(&case, move |_| head.to_vec());
    }
}

/// Closed or reset instead of an answer.
#[test]
fn no_answer() {
    for over in Over::BOTH {
        let peer = Peer::start(over, move |mut visit| {
            let Some(request) = visit.request() else {
                return;
            };
            match visit.index {
                0 => visit.close(),
                1 => visit.reset(),
                _ => {
                    visit.send(success(&request));
                    visit.await_end();
                }
            }
        });
        for _ in 0..2 {
            let run = delete(&config(&peer), &["1"]);
            run.expect(Outcome::Unknown, ErrorKind::Unreachable);
        }
        delete(&config(&peer), &["1"]).expect(Outcome::Deleted, None);
    }
}
