//! Answers whose end is not certain, or that have none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{all_deleted, chunked, framed, raw, success};
use crate::client::{client, config, delete, delete_with};
use crate::peer::{Over, Peer, Request};

/// More than any answer may have, with the kernel's buffers on top.
const FLOOD: usize = 64 << 20;

/// Headers that frame the success of `request` in a way that two readers may read differently.
fn ambiguous(request: &Request, headers: &str) -> Vec<u8> {
    let body = all_deleted(request);
    let length = body.len().to_string();
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
        "Content-Length: 4194305\r\n",
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
                let headers = cases.get(visit.index / 2).filter(|_| visit.index % 2 == 0);
                visit.send(match headers {
                    Some(headers) => ambiguous(&request, headers),
                    None => success(&request),
                });
            }
        });
        for (index, headers) in cases.iter().enumerate() {
            let client = client(&config(&peer));
            let run = delete_with(&client, &["1"]);
            run.expect_in(headers, Outcome::Unknown, ErrorKind::InvalidResponse);
            delete_with(&client, &["1"]).expect_in(headers, Outcome::Deleted, None);
            assert_eq!(peer.visits(), 2 * (index + 1), "{headers}");
        }
    }
}

/// The success of `request` in one chunk, with a chunk extension and trailers.
fn with_trailers(request: &Request, trailers: &str) -> Vec<u8> {
    let body = all_deleted(request);
    let chunks = format!("{:x};a=b\r\n{body}\r\n0\r\n{trailers}\r\n", body.len());
    raw("200 OK", "Transfer-Encoding: chunked\r\n", chunks)
}

/// The rules above refuse nothing that is right.
#[test]
fn certain_framing() {
    let answers: [fn(&Request) -> Vec<u8>; 13] = [
        success,
        |request| chunked(all_deleted(request), 1),
        |request| chunked(all_deleted(request), 1_000),
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
        |request| framed("200 OK", &"A: 1\r\n".repeat(120), all_deleted(request)),
        |request| framed("200", "", all_deleted(request)),
        |request| framed("200 ", "aCCept:\t x \t\r\n", all_deleted(request)),
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
            for _ in 0..2 {
                let case = format!("answer {case} over {over:?}");
                delete_with(&client, &["1"]).expect_in(&case, Outcome::Deleted, None);
            }
            assert_eq!(peer.visits(), 1, "answer {case} over {over:?}");
        }
    }
}

/// HTTP/1.0, and whoever says so, closes after the answer: the next batch takes a new connection.
#[test]
fn closing_answers() {
    let answers: [fn(&Request) -> Vec<u8>; 3] = [
        |request| framed("200 OK", "Connection: close\r\n", all_deleted(request)),
        |request| {
            let answer = success(request);
            [b"HTTP/1.0", &answer[8..]].concat()
        },
        |request| raw("200 OK", "", all_deleted(request)),
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
            for _ in 0..2 {
                delete_with(&client, &["1"]).expect(Outcome::Deleted, None);
            }
            assert_eq!(peer.visits(), 2, "answer {case} over {over:?}");
        }
    }
}

/// How many bytes of an endless answer are taken.
#[track_caller]
fn stops_reading(case: &str, over: Over, start: Vec<u8>, piece: Vec<u8>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let peer = Peer::start(over, move |mut visit| {
        visit.request();
        visit.send(&start);
        count.store(visit.flood(&piece, FLOOD), Ordering::SeqCst);
    });
    let run = delete(&config(&peer), &["1"]);
    run.expect_in(case, Outcome::Unknown, ErrorKind::InvalidResponse);
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
    delete(&config(&peer), &["1"]).expect(Outcome::Deleted, None);
    let requests = peer.requests();
    assert_eq!(requests[0].header("accept-encoding"), Some("identity"));
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

/// What an answer may be as long as: 4 MiB and not one byte more.
#[test]
fn the_longest_answers() {
    let longest = 4 << 20;
    for (length, outcome) in [(longest, Outcome::Deleted), (longest + 1, Outcome::Unknown)] {
        for chunks in [false, true] {
            let peer = Peer::start(Over::Plain, move |mut visit| {
                let Some(request) = visit.request() else {
                    return;
                };
                let mut body = all_deleted(&request).into_bytes();
                body.resize(length, b' ');
                visit.send(match chunks {
                    true => chunked(body, 100_000),
                    false => framed("200 OK", "", body),
                });
                visit.await_end();
            });
            let run = delete(&config(&peer), &["1"]);
            assert_eq!(run.outcomes, [outcome], "{length} bytes, chunks: {chunks}");
        }
    }
}

/// A head of up to 16 KiB is read, a longer one is not.
#[test]
fn the_longest_heads() {
    for (length, outcome) in [(15_000, Outcome::Deleted), (17_000, Outcome::Unknown)] {
        let peer = Peer::start(Over::Plain, move |mut visit| {
            let Some(request) = visit.request() else {
                return;
            };
            let filler = format!("X-Filler: {}\r\n", "x".repeat(length));
            visit.send(framed("200 OK", &filler, all_deleted(&request)));
            visit.await_end();
        });
        let run = delete(&config(&peer), &["1"]);
        assert_eq!(run.outcomes, [outcome], "{length} bytes: {run:?}");
    }
}
