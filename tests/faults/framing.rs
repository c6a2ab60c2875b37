//! Answers whose end is not certain, or that have none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{chunked, framed, good_body, is_query, raw, success};
use crate::client::{Call, client, config};
use crate::peer::{Over, Peer, Request};

/// More than the answer to a deletion may have, with the kernel's buffers on top.
const FLOOD: usize = 64 << 20;

/// What the answer to a request may have at most.
fn longest(request: &Request) -> usize {
    match is_query(request) {
        true => 64 << 20,
        false => 4 << 20,
    }
}

/// Headers that frame the success of `request` in a way that two readers may read differently.
fn ambiguous(request: &Request, headers: &str) -> Vec<u8> {
    let body = good_body(request);
    let length = body.len().to_string();
    let too_long = (longest(request) + 1).to_string();
    let headers = headers.replace("TOO LONG", &too_long);
    raw("200 OK", &headers.replace("LENGTH", &length), body)
}

#[test]
fn ambiguous_framing() {
    let cases = [
        "Content-Length: LENGTH\r\nContent-Length: LENGTH\r\n",
        "Content-Length: LENGTH\r\nContent-Length: 7\r\n",
        "Content-Length: 7\r\nContent-Length: LENGTH\r\n",
        "Content-Length: 7\r\n",
        "Content-Length: LENGTH, LENGTH\r\n",
        "Content-Length: LENGTH,\r\n",
        "Content-Length: +LENGTH\r\n",
        "Content-Length: -LENGTH\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0xLENGTH\r\n",
        "Content-Length: LENGTH.0\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999999999\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "Content-Length: TOO LONG\r\n",
        "Content-Length: LENGTH\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: LENGTH\r\n",
        "Content-Length: LENGTH\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: LENGTH\r\nTransfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding:\r\n",
        "Content-Length: LENGTH\r\nContent-Encoding: gzip\r\n",
        "Content-Length: LENGTH\r\nContent-Encoding: br\r\n",
        "Content-Length: LENGTH\r\nContent-Encoding: identity, gzip\r\n",
    ];
    for over in Over::BOTH {
        let peer = Peer::start(over, move |mut visit| {
            // Each second connection belongs to a case, for the case's own must not be used again.
            while let Some(request) = visit.request() {
                let case = visit.index / 2 / Call::ALL.len();
                let headers = cases.get(case).filter(|_| visit.index % 2 == 0);
                visit.send(match headers {
                    Some(headers) => ambiguous(&request, headers),
                    None => success(&request),
                });
            }
        });
        for (index, headers) in cases.iter().enumerate() {
            for (before, call) in Call::ALL.into_iter().enumerate() {
                let client = client(&config(&peer));
                let (outcome, kind) = (Outcome::Unknown, ErrorKind::InvalidResponse);
                call.expect_failure_in(headers, &client, outcome, kind);
                call.expect_success_in(headers, &client);
                let calls = Call::ALL.len() * index + before + 1;
                assert_eq!(peer.visits(), 2 * calls, "{headers}");
            }
        }
    }
}

/// The success of `request` in one chunk, with a chunk extension and trailers.
fn with_trailers(request: &Request, trailers: &str) -> Vec<u8> {
    let body = good_body(request);
    let chunks = format!("{:x};a=b\r\n{body}\r\n0\r\n{trailers}\r\n", body.len());
    raw("200 OK", "Transfer-Encoding: chunked\r\n", chunks)
}

/// The rules above refuse nothing that is right.
#[test]
fn certain_framing() {
    let answers: [fn(&Request) -> Vec<u8>; 13] = [
        success,
        |request| chunked(good_body(request), 1),
        |request| chunked(good_body(request), 1_000),
        |request| ambiguous(request, "cOnTeNt-LeNgTh:LENGTH\r\n"),
        |request| {
            ambiguous(
                request,
                "Content-Encoding: identity\r\nContent-Length: LENGTH\r\n",
            )
        },
        |request| {
            [
                raw("103 Early Hints", "Link: <x>\r\n", ""),
                success(request),
            ]
            .concat()
        },
        |request| [raw("100 Continue", "", ""), success(request)].concat(),
        |request| [raw("100 Continue", "A: 1\r\nB:\r\n", ""), success(request)].concat(),
        |request| {
            let interim = raw("100 Continue", &"A: 1\r\n".repeat(50), "");
            let more = raw("102 Processing", "Link: <x>\r\n", "");
            [interim.repeat(3), more, interim, success(request)].concat()
        },
        |request| framed("200 OK", &"A: 1\r\n".repeat(120), good_body(request)),
        |request| framed("200", "", good_body(request)),
        |request| framed("200 ", "aCCept:\t x \t\r\n", good_body(request)),
        |request| with_trailers(request, &"Filler: x\r\n".repeat(1_000)),
    ];
    for over in Over::BOTH {
        for (case, answer) in answers.into_iter().enumerate() {
            let peer = Peer::start(over, move |mut visit| {
                while let Some(request) = visit.request() {
                    visit.send(answer(&request));
                }
            });
            let client = client(&config(&peer));
            let case = format!("answer {case} over {over:?}");
            for call in Call::ALL {
                call.expect_success_in(&case, &client);
            }
            assert_eq!(peer.visits(), 1, "{case}");
        }
    }
}

/// HTTP/1.0, and whoever says so, closes after the answer: the next request takes a new connection.
#[test]
fn closing_answers() {
    let answers: [fn(&Request) -> Vec<u8>; 3] = [
        |request| framed("200 OK", "Connection: close\r\n", good_body(request)),
        |request| {
            let answer = success(request);
            [b"HTTP/1.0", &answer[8..]].concat()
        },
        |request| raw("200 OK", "", good_body(request)),
    ];
    for over in Over::BOTH {
        for (case, answer) in answers.into_iter().enumerate() {
            // It closes only where the answer's end needs it, so that using it again would hang.
            let peer = Peer::start(over, move |mut visit| {
                if let Some(request) = visit.request() {
                    visit.send(answer(&request));
                    match case {
                        2 => visit.close(),
                        _ => visit.await_end(),
                    }
                }
            });
            let client = client(&config(&peer));
            let case = format!("answer {case} over {over:?}");
            for call in Call::ALL {
                call.expect_success_in(&case, &client);
            }
            assert_eq!(peer.visits(), Call::ALL.len(), "{case}");
        }
    }
}

/// How many bytes of an endless answer are taken.
#[track_caller]
fn stops_reading(case: &str, over: Over, start: Vec<u8>, piece: Vec<u8>) {
    stops_reading_of(Call::Delete, case, over, start, piece);
}

#[track_caller]
fn stops_reading_of(call: Call, case: &str, over: Over, start: Vec<u8>, piece: Vec<u8>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let peer = Peer::start(over, move |mut visit| {
        visit.request();
        visit.send(&start);
        count.store(visit.flood(&piece, FLOOD), Ordering::SeqCst);
    });
    let (outcome, kind) = (Outcome::Unknown, ErrorKind::InvalidResponse);
    call.expect_failure_in(case, &client(&config(&peer)), outcome, kind);
    peer.settle();
    // 4 MiB, and what the kernel holds.
    let taken = taken.load(Ordering::SeqCst);
    assert!(taken < FLOOD / 2, "{case}: {taken} bytes were taken");
}

#[test]
fn no_encoding_is_asked_for() {
    let peer = Peer::start(Over::Plain, |mut visit| {
        while let Some(request) = visit.request() {
            visit.send(success(&request));
        }
    });
    let client = client(&config(&peer));
    for call in Call::ALL {
        call.expect_success_in("", &client);
    }
    for request in peer.requests() {
        assert_eq!(request.header("accept-encoding"), Some("identity"));
    }
}

/// A GET with a body, or with a header that announces one, is refused or misread by some (RFC 9110, 9.3.1).
#[test]
fn a_list_is_asked_for_without_a_body() {
    let peer = Peer::start(Over::Plain, |mut visit| {
        while let Some(request) = visit.request() {
            visit.send(success(&request));
        }
    });
    let client = client(&config(&peer));
    for call in Call::LISTS {
        call.expect_success_in("", &client);
    }
    for request in peer.requests() {
        for header in [
            "content-length",
            "transfer-encoding",
            "content-type",
            "expect",
        ] {
            assert_eq!(request.header(header), None, "{header}");
        }
    }
}

#[test]
fn endless_answers() {
    let json = vec![b' '; 64 << 10];
    let chunk = [format!("{:x}\r\n", json.len()).as_bytes(), &json, b"\r\n"].concat();
    let header = format!("X-Filler: {}\r\n", "x".repeat(1_000)).into_bytes();
    let chunked_head = raw("200 OK", "Transfer-Encoding: chunked\r\n", "");
    let trailers = [&chunked_head[..], b"0\r\n"].concat();
    let one_chunk = [&chunked_head[..], b"7fffffff\r\n"].concat();
    for over in Over::BOTH {
        let until_close = raw("200 OK", "", "");
        let too_long = raw("200 OK", "Content-Length: 4194305\r\n", "");
        stops_reading("framed", over, too_long, json.clone());
        stops_reading("until close", over, until_close, json.clone());
        stops_reading("chunked", over, chunked_head.clone(), chunk.clone());
        stops_reading("one chunk", over, one_chunk.clone(), json.clone());
        stops_reading("trailers", over, trailers.clone(), header.clone());
        stops_reading("a trailer", over, trailers.clone(), vec![b'x'; 4096]);
        stops_reading(
            "a chunk's head",
            over,
            chunked_head.clone(),
            vec![b'1'; 4096],
        );
        stops_reading(
            "head",
            over,
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            header.clone(),
        );
        stops_reading(
            "header",
            over,
            b"HTTP/1.1 200 OK\r\nA: ".to_vec(),
            vec![b'x'; 4096],
        );
        stops_reading(
            "status line",
            over,
            b"HTTP/1.1 200 ".to_vec(),
            vec![b'x'; 4096],
        );
    }
}

/// A list may be longer than the answer to a deletion, but one that says that it is too long is not read.
#[test]
fn endless_lists() {
    let too_long = format!("Content-Length: {}\r\n", (64 << 20) + 1);
    let head = b"HTTP/1.1 200 OK\r\nA: ".to_vec();
    for call in Call::LISTS {
        for over in Over::BOTH {
            let framed = raw("200 OK", &too_long, "");
            stops_reading_of(call, "framed", over, framed, vec![b' '; 64 << 10]);
            stops_reading_of(call, "header", over, head.clone(), vec![b'x'; 4096]);
        }
    }
}

/// What an answer may be as long as: 4 MiB and not one byte more, or 64 MiB for a list.
#[test]
fn the_longest_answers() {
    let longest = 4 << 20;
    let cases = [
        (Call::Delete, longest, true),
        (Call::Delete, longest + 1, false),
        (Call::ListDevices, longest + 1, true),
        (Call::ListScopes, 2 * longest, true),
    ];
    for (call, length, is_read) in cases {
        for chunks in [false, true] {
            let peer = Peer::start(Over::Plain, move |mut visit| {
                let Some(request) = visit.request() else {
                    return;
                };
                let mut body = good_body(&request).into_bytes();
                body.resize(length, b' ');
                visit.send(match chunks {
                    true => chunked(body, 100_000),
                    false => framed("200 OK", "", body),
                });
                visit.await_end();
            });
            let case = format!("{length} bytes, chunks: {chunks}");
            expect_read(call, &case, &peer, is_read);
        }
    }
}

/// Whether the peer's answer is read, or else not trusted.
#[track_caller]
fn expect_read(call: Call, case: &str, peer: &Peer, is_read: bool) {
    let client = client(&config(peer));
    if is_read {
        return call.expect_success_in(case, &client);
    }
    let (outcome, kind) = (Outcome::Unknown, ErrorKind::InvalidResponse);
    call.expect_failure_in(case, &client, outcome, kind);
}

/// A head of up to 16 KiB is read, a longer one is not.
#[test]
fn the_longest_heads() {
    for (length, is_read) in [(15_000, true), (17_000, false)] {
        let peer = Peer::start(Over::Plain, move |mut visit| {
            let Some(request) = visit.request() else {
                return;
            };
            let filler = format!("X-Filler: {}\r\n", "x".repeat(length));
            visit.send(framed("200 OK", &filler, good_body(&request)));
            visit.await_end();
        });
        for call in Call::ALL {
            expect_read(call, &format!("{length} bytes"), &peer, is_read);
        }
    }
}
