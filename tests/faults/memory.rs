//! What connections between two calls cost.

use std::fs;
use std::sync::{Arc, Barrier};

use koodrive::report::Outcome;

use crate::answers::{framed, good_body};
use crate::child;
use crate::client::{client, config, delete_with};
use crate::peer::{Over, Peer};

/// What a process has in memory, in bytes.
fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("the kernel's account");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
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
        // What is freed goes back to the system at once.
        let variables = [
            ("MALLOC_MMAP_THRESHOLD_", "65536"),
            ("MALLOC_ARENA_MAX", "1"),
        ];
        return child::rerun(TEST, None, &variables);
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
