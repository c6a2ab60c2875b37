//! How much memory calls take, and connections between two calls.

use std::fs;
use std::sync::{Arc, Barrier};

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{framed, good_body, raw};
use crate::child;
use crate::client::{DEVICE, client, config, delete_with};
use crate::peer::{Over, Peer, Visit};

/// What is freed goes back to the system at once.
const NOTHING_IS_KEPT: [(&str, &str); 2] = [
    ("MALLOC_MMAP_THRESHOLD_", "65536"),
    ("MALLOC_ARENA_MAX", "1"),
];

/// What a process has in memory, in bytes.
fn resident_bytes() -> usize {
    account("VmRSS:")
}

/// A line of the kernel's account of this process, in bytes.
fn account(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("the kernel's account");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    kibibytes
        .and_then(|text| text.parse::<usize>().ok())
        .expect("a number")
        * 1024
}

/// A connection that rests keeps no room for the long answer that it has carried.
#[test]
fn long_answers_are_not_kept() {
    const TEST: &str = "memory::long_answers_are_not_kept";
    const CONNECTIONS: usize = 16;
    if !child::is_child() {
        return child::rerun(TEST, None, &NOTHING_IS_KEPT);
    }
    let all_here = Arc::new(Barrier::new(CONNECTIONS));
    let peer = Peer::start(Over::Plain, move |mut visit| {
        while let Some(request) = visit.request() {
            all_here.wait();
            let mut body = good_body(&request).into_bytes();
            body.resize(4 << 20, b' ');
            visit.send(framed("200 OK", "", body));
        }
    });
    let mut config = config(&peer);
    config
        .set_max_connections(CONNECTIONS as u32)
        .expect("a number");
    let client = client(&config);
    let ids: Vec<_> = (0..CONNECTIONS * 100).map(|id| id.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let before = resident_bytes();
    delete_with(&client, &ids).expect(Outcome::Deleted, None);
    let kept = resident_bytes().saturating_sub(before);
    assert_eq!(peer.visits(), CONNECTIONS);
    assert!(
        kept < 16 << 20,
        "{kept} bytes for {CONNECTIONS} connections"
    );
}

/// How long the answer to a call that lists may be.
const LONGEST_LIST: usize = 64 << 20;

/// Answers with a list of scopes of so many bytes, in one chunk, of which only a part is in memory at a time.
fn send_list(visit: &mut Visit, length: usize, entry: &str) {
    let (begin, end) = (r#"{"code":0,"scopeList":["#, r#"{"scopeId":"1"}]}"#);
    let head = format!("{length:x}\r\n{begin}");
    visit.send(raw("200 OK", "Transfer-Encoding: chunked\r\n", head));
    let room = length - begin.len() - end.len();
    let part = entry.repeat(1 + (1 << 20) / entry.len());
    visit.flood(part.as_bytes(), room - room % part.len());
    let rest = room % part.len();
    visit.send(entry.repeat(rest / entry.len()));
    visit.send(" ".repeat(rest % entry.len()));
    visit.send(format!("{end}\r\n0\r\n\r\n"));
}

/// Whatever its entries are like. One byte more than 64 MiB is no list.
#[test]
fn a_list_takes_at_most_twice_its_answer() {
    const TEST: &str = "memory::a_list_takes_at_most_twice_its_answer";
    const SLACK: usize = 4 << 20;
    if !child::is_child() {
        return child::rerun(TEST, None, &NOTHING_IS_KEPT);
    }
    let path = "x".repeat(10_000);
    let long = format!(r#"{{"scopeId":"1","localPath":"/{path}"}},"#);
    for entry in [r#"{"scopeId":"1"},"#.to_owned(), long] {
        for length in [LONGEST_LIST, LONGEST_LIST + 1] {
            let sent = entry.clone();
            let peer = Peer::start(Over::Plain, move |mut visit| {
                while visit.request().is_some() {
                    send_list(&mut visit, length, &sent);
                }
            });
            let mut config = config(&peer);
            config.set_request_timeout_ms(120_000).expect("a number");
            let client = client(&config);
            fs::write("/proc/self/clear_refs", "5").expect("a new peak");
            let before = resident_bytes();
            let listed = client.list_scopes(None, DEVICE, Some("101"), None);
            let peak = account("VmHWM:").saturating_sub(before);
            let case = format!("{length} bytes of {entry:.40}");
            assert!(peak <= 2 * LONGEST_LIST + SLACK, "{peak} bytes: {case}");
            if length == LONGEST_LIST {
                let count = listed.expect("the longest list").count();
                assert!(count >= (length - 100) / entry.len(), "{count}: {case}");
                assert!(peak > LONGEST_LIST, "{peak} bytes: {case}");
            } else {
                let error = listed.expect_err("it is too long");
                assert_eq!(error.kind, ErrorKind::InvalidResponse, "{case}: {error}");
            }
        }
    }
}
