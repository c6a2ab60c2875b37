//! The floor: the least that a client can do. One write, one read by Content-Length, one check that the
//! answer is UTF-8, and JSON with borrowed texts.
//!
//!     bare-socket --port P --requests N --ids N --connections N
//!
//! Like every client of the benchmark it builds body and date anew for each request, tallies the
//! answer, and prints one line of JSON.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use koodrive_bench::{DEVICE, TOKEN, USER, fails, scope_id};
use nix::sys::resource::{UsageWho, getrusage};
use serde::Deserialize;
use time::OffsetDateTime;

/// The requests cycle through as many batches as this.
const BATCHES: u64 = 64;

struct Arguments {
    port: u16,
    requests: u64,
    ids: u64,
    connections: u64,
}

/// One request's ids, and how many of them the server says to be missing.
struct Batch {
    ids: Vec<String>,
    failing: usize,
}

#[derive(Deserialize)]
struct Answer<'a> {
    code: i64,
    #[serde(rename = "scopeIdList", borrow)]
    deleted: Vec<&'a str>,
    #[serde(rename = "failedScopeList", borrow)]
    failed: Vec<Failed<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed<'a> {
    scope_id: &'a str,
    error_code: &'a str,
    msg: &'a str,
}

struct Client {
    socket: TcpStream,
    head: Vec<u8>,
    body: Vec<u8>,
    request: Vec<u8>,
    input: Vec<u8>,
}

impl Client {
    fn connect(port: u16) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_nodelay(true).unwrap();
        let head = format!(
            "DELETE /koodrive/ose/v1/backup/device/{DEVICE}/scope HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\
             authorization: Bearer {TOKEN}\r\nx-user-id: {USER}\r\ncontent-type: application/json\r\nx-date: "
        );
        Self {
            socket,
            head: head.into(),
            body: Vec::new(),
            request: Vec::new(),
            input: vec![0; 64 * 1024],
        }
    }

    fn delete(&mut self, batch: &Batch) {
        self.write_body(&batch.ids);
        self.request.clear();
        self.request.extend_from_slice(&self.head);
        let now = OffsetDateTime::now_utc();
        let (date, time) = (now.date(), now.time());
        write!(
            self.request,
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z\r\ncontent-length: {}\r\n\r\n",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            self.body.len()
        )
        .unwrap();
        self.request.extend_from_slice(&self.body);
        self.socket.write_all(&self.request).unwrap();
        check(self.receive(), batch);
    }

    fn write_body(&mut self, ids: &[String]) {
        self.body.clear();
        self.body.extend_from_slice(b"{\"scopeIdList\":[");
        for (index, id) in ids.iter().enumerate() {
            self.body
                .extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
            self.body.extend_from_slice(id.as_bytes());
            self.body.push(b'"');
        }
        self.body.extend_from_slice(b"]}");
    }

    fn receive(&mut self) -> &[u8] {
        let mut filled = 0;
        loop {
            filled += self.receive_some(filled);
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let mut response = httparse::Response::new(&mut headers);
            let status = response.parse(&self.input[..filled]).unwrap();
            let httparse::Status::Complete(head) = status else {
                continue;
            };
            assert_eq!(response.code, Some(200));
            let is_length =
                |header: &&httparse::Header| header.name.eq_ignore_ascii_case("content-length");
            let length = response
                .headers
                .iter()
                .find(is_length)
                .expect("a content-length")
                .value;
            let end = head
                + std::str::from_utf8(length)
                    .unwrap()
                    .parse::<usize>()
                    .unwrap();
            while filled < end {
                filled += self.receive_some(filled);
            }
            return &self.input[head..end];
        }
    }

    fn receive_some(&mut self, start: usize) -> usize {
        let received = self.socket.read(&mut self.input[start..]).unwrap();
        assert_ne!(received, 0, "the connection was closed");
        received
    }
}

fn check(answer: &[u8], batch: &Batch) {
    let answer: Answer = serde_json::from_str(std::str::from_utf8(answer).unwrap()).unwrap();
    let is_missing = |failed: &&Failed| {
        failed.error_code == "15000418" && failed.scope_id.len() == 19 && !failed.msg.is_empty()
    };
    let failed = answer.failed.iter().filter(is_missing).count();
    let deleted = answer.deleted.iter().filter(|id| id.len() == 19).count();
    assert_eq!((answer.code, failed), (0, batch.failing));
    assert_eq!(deleted + failed, batch.ids.len());
}

fn main() {
    let arguments = arguments().unwrap();
    let batch = |number| {
        let ids: Vec<_> = (0..arguments.ids)
            .map(|index| scope_id(number * arguments.ids + index))
            .collect();
        let failing = ids.iter().filter(|id| fails(id)).count();
        Batch { ids, failing }
    };
    let batches: Vec<_> = (0..BATCHES).map(batch).collect();
    let next = AtomicU64::new(0);
    let (user, system, start) = (cpu().0, cpu().1, Instant::now());
    let work = || {
        let mut client = Client::connect(arguments.port);
        let take = || {
            Some(next.fetch_add(1, Ordering::Relaxed))
                .filter(|request| *request < arguments.requests)
        };
        while let Some(request) = take() {
            client.delete(&batches[(request % BATCHES) as usize]);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..arguments.connections {
            scope.spawn(work);
        }
        work();
    });
    println!(
        "{{\"wall_s\":{:.6},\"user_s\":{:.6},\"system_s\":{:.6},\"peak_kb\":{}}}",
        start.elapsed().as_secs_f64(),
        cpu().0 - user,
        cpu().1 - system,
        peak_kb()
    );
}

fn arguments() -> Result<Arguments, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_env();
    let mut arguments = Arguments {
        port: 0,
        requests: 1000,
        ids: 100,
        connections: 1,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => arguments.port = parser.value()?.parse()?,
            Long("requests") => arguments.requests = parser.value()?.parse()?,
            Long("ids") => arguments.ids = parser.value()?.parse()?,
            Long("connections") => arguments.connections = parser.value()?.parse()?,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(arguments)
}

/// User's and system's seconds of this process.
fn cpu() -> (f64, f64) {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    (seconds(usage.user_time()), seconds(usage.system_time()))
}

/// Not getrusage's, which a process inherits from its parent.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    peak.trim_end_matches(" kB").trim().parse().unwrap()
}
