//! Proxies: used when set, and only then; one that opens no tunnel leaves everything unsent.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::report::Outcome;

use crate::answers::{raw, success};
use crate::child;
use crate::client::{config, config_for, delete, with_attempts};
use crate::connecting::Refusing;
use crate::peer::{Over, Peer, Visit};

fn service(over: Over) -> Peer {
    Peer::start(over, |mut visit| {
        while let Some(request) = visit.request() {
            visit.send(success(&request));
        }
    })
}

/// A proxy that opens tunnels.
fn proxy() -> Peer {
    proxy_that_says(b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec())
}

/// One that opens them with these words.
fn proxy_that_says(consent: Vec<u8>) -> Peer {
    Peer::start(Over::Plain, move |mut visit| {
        let Some(request) = visit.request() else {
            return;
        };
        let target = request.head.split(' ').nth(1).expect("a target").to_owned();
        let service = TcpStream::connect(target).expect("the service");
        visit.send(&consent);
        thread::scope(|scope| {
            scope.spawn(|| hand_on(visit.socket(), &service));
            hand_on(&service, visit.socket());
        });
    })
}

fn hand_on(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

fn through(proxy: &Peer, mut config: Config) -> Config {
    let url = format!("http://name:pass-Hc4Xq@{}", proxy.address);
    config.set_proxy(&url).expect("a proxy");
    config
}

#[test]
fn tunnels() {
    for over in Over::BOTH {
        let (service, proxy) = (service(over), proxy());
        let run = delete(&through(&proxy, config(&service)), &["1"]);
        run.expect(Outcome::Deleted, None);
        let asked = &proxy.requests()[0];
        let target = service.url().rsplit('/').next().expect("a host").to_owned();
        assert_eq!(
            asked.head.lines().next(),
            Some(&*format!("CONNECT {target} HTTP/1.1"))
        );
        assert_eq!(asked.header("host"), Some(&*target));
        // "name:pass-Hc4Xq" in base64.
        let expected = "Basic bmFtZTpwYXNzLUhjNFhx";
        assert_eq!(asked.header("proxy-authorization"), Some(expected));
        // What is for the service is not for the proxy.
        assert_eq!(asked.header("authorization"), None);
        let reached = &service.requests()[0];
        assert_eq!(reached.header("proxy-authorization"), None);
    }
}

/// Any 2xx opens a tunnel, whatever its headers say of a body (RFC 9110, 9.3.6).
#[test]
fn unusual_consent() {
    let interim = raw("103 Early Hints", "Link: <x>\r\n", "");
    let cases = [
        ("many headers", raw("200 OK", &"A: 1\r\n".repeat(120), "")),
        (
            "a long head",
            raw("200 OK", &format!("A: {}\r\n", "x".repeat(15_000)), ""),
        ),
        (
            "interim",
            [interim.repeat(3), raw("200 OK", "", "")].concat(),
        ),
        ("no reason", raw("200", "", "")),
        ("another 2xx", raw("204 No Content", "", "")),
        ("a length", raw("200 OK", "Content-Length: 7\r\n", "")),
        (
            "chunks",
            raw("200 OK", "Transfer-Encoding: chunked\r\n", ""),
        ),
        ("HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\n".to_vec()),
    ];
    for over in Over::BOTH {
        let service = service(over);
        for (case, consent) in &cases {
            let proxy = proxy_that_says(consent.clone());
            let run = delete(&through(&proxy, config(&service)), &["1"]);
            run.expect_in(case, Outcome::Deleted, None);
        }
    }
}

/// Names and passwords are percent-decoded; an address of IPv6 stands in brackets.
#[test]
fn what_the_proxy_is_asked() {
    let proxy = Peer::start(Over::Plain, |mut visit| {
        visit.request();
    });
    let mut config = config_for("https://[::1]:9");
    let url = format!("http://na%20me:p%3Ass@{}", proxy.address);
    config.set_proxy(&url).expect("a proxy");
    delete(&config, &["1"]).expect(Outcome::NotSent, ErrorKind::Unreachable);
    let asked = &proxy.requests()[0];
    assert!(asked.head.starts_with("CONNECT [::1]:9 HTTP/1.1\r\n"));
    assert_eq!(asked.header("host"), Some("[::1]:9"));
    // "na me:p:ss" in base64.
    let expected = "Basic bmEgbWU6cDpzcw==";
    assert_eq!(asked.header("proxy-authorization"), Some(expected));
}

/// Whatever the proxy does instead of opening a tunnel.
fn opens_no_tunnel(case: &str, words: &str, refuse: impl Fn(Visit) + Send + Sync + 'static) {
    let service = service(Over::Tls);
    let proxy = Peer::start(Over::Plain, move |mut visit| {
        if visit.request().is_some() {
            refuse(visit);
        }
    });
    let mut config = with_attempts(through(&proxy, config(&service)), 2);
    config.set_connect_timeout_ms(500).expect("a number");
    let run = delete(&config, &["1"]);
    run.expect_in(case, Outcome::NotSent, ErrorKind::Unreachable);
    assert!(run.message().contains(words), "{case}: {run:?}");
    assert!(!run.message().contains("Hc4Xq"), "{case}: {run:?}");
    assert!(run.elapsed < Duration::from_secs(5), "{case}: {run:?}");
    assert_eq!(run.report.request_count(), 0, "{case}");
    assert_eq!(proxy.visits(), 2, "{case}");
    assert_eq!(service.visits(), 0, "{case}");
}

#[test]
fn no_tunnel() {
    let statuses = [
        "407 Proxy Authentication Required",
        "502 Bad Gateway",
        "504 Gateway Timeout",
        "302 Found",
        "400 Bad Request",
    ];
    for status in statuses {
        opens_no_tunnel(status, &status[..3], move |mut visit| {
            visit.send(raw(
                status,
                "Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n",
                "",
            ));
            visit.await_end();
        });
    }
    opens_no_tunnel("closed", "proxy", Visit::close);
    opens_no_tunnel("reset", "", Visit::reset);
    opens_no_tunnel("garbage", "", |mut visit| {
        visit.send("garbage\r\n\r\n");
        visit.await_end();
    });
    opens_no_tunnel("an endless head", "", |mut visit| {
        visit.send("HTTP/1.1 200 OK\r\nA: ");
        visit.flood(&[b'x'; 4096], 1 << 30);
    });
    opens_no_tunnel("endless interim answers", "", |mut visit| {
        visit.flood(&raw("103 Early Hints", "", "").repeat(100), 1 << 30);
    });
    opens_no_tunnel("silence", "connect timeout", |mut visit| visit.await_end());
    opens_no_tunnel("drip", "connect timeout", |mut visit| {
        visit.drip("HTTP/1.1 200 OK\r\n\r\n", Duration::from_millis(400));
    });
    opens_no_tunnel("a tunnel to nowhere", "", |mut visit| {
        visit.send("HTTP/1.1 200 OK\r\n\r\n");
        visit.close();
    });
}

#[test]
fn refused() {
    let service = service(Over::Tls);
    let refusing = Refusing::new([127, 0, 0, 1]);
    let mut config = config(&service);
    let url = format!("http://127.0.0.1:{}", refusing.port());
    config.set_proxy(&url).expect("a proxy");
    delete(&config, &["1"]).expect(Outcome::NotSent, ErrorKind::Unreachable);
    assert_eq!(service.visits(), 0);
}

/// What the environment says of proxies is for others.
#[test]
fn the_environment_is_not_asked() {
    if child::is_child() {
        for over in Over::BOTH {
            let (service, proxy) = (service(over), proxy());
            // Not through the proxy of the environment, which refuses.
            delete(&config(&service), &["1"]).expect(Outcome::Deleted, None);
            // And through ours, which NO_PROXY does not forbid.
            let run = delete(&through(&proxy, config(&service)), &["1"]);
            run.expect(Outcome::Deleted, None);
            assert_eq!(proxy.visits(), 1);
        }
        return;
    }
    let other = Peer::start(Over::Plain, |mut visit| {
        visit.request();
    });
    let url = format!("http://{}", other.address);
    let mut variables = vec![("NO_PROXY", "*"), ("no_proxy", "*")];
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ] {
        variables.push((name, &url));
    }
    child::rerun("proxy::the_environment_is_not_asked", None, &variables);
    // Alone they would work: so without NO_PROXY.
    child::rerun("proxy::the_environment_is_not_asked", None, &variables[2..]);
    assert_eq!(other.visits(), 0);
}
