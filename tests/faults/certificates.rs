//! TLS that can't be trusted: the service is not reached, nothing is sent, and the message says
//! what is wrong.

use std::fs;
use std::path::PathBuf;

use koodrive::config::Config;
use koodrive::error::{Error, ErrorKind};
use koodrive::report::Outcome;

use crate::answers::success;
use crate::client::{config, config_for, delete, with_attempts, with_defaults};
use crate::identity;
use crate::peer::{Over, Peer, Visit};

#[track_caller]
fn refused(case: &str, peer: &Peer, url: &str, words: &str) -> Error {
    let run = delete(&with_attempts(config_for(url), 2), &["1"]);
    run.expect_in(case, Outcome::NotSent, ErrorKind::Unreachable);
    assert!(run.message().contains(words), "{case}: {run:?}");
    assert_eq!(run.report.request_count(), 0, "{case}");
    assert_eq!(peer.requests().len(), 0, "{case}");
    run.error.expect("an error")
}

fn serve(mut visit: Visit) {
    while visit.request().is_some() {}
}

/// What stays wrong however often it is tried is tried once.
#[test]
fn untrusted_certificates() {
    let cases = [
        ("wrong name", identity::elsewhere(), "not valid for name"),
        ("expired", identity::expired(), "expired"),
        ("untrusted", identity::untrusted(), "UnknownIssuer"),
    ];
    for (case, identity, words) in cases {
        let peer = Peer::start_as(identity, serve);
        let error = refused(case, &peer, &peer.url(), words);
        assert!(!error.retryable, "{case}: {error:?}");
        assert_eq!(peer.visits(), 1, "{case}");
    }
}

/// An address is not a name: the certificate must hold it.
#[test]
fn a_certificate_without_the_address() {
    let peer = Peer::start(Over::Tls, serve);
    let url = format!("https://127.0.0.1:{}", peer.address.port());
    refused("address", &peer, &url, "not valid for name");
}

/// Without `set_ca_file` the platform decides, and it does not know this authority.
#[test]
fn the_platform_does_not_trust_us() {
    let peer = Peer::start(Over::Tls, serve);
    let config = with_defaults(Config::new(), &peer.url());
    delete(&config, &["1"]).expect(Outcome::NotSent, ErrorKind::Unreachable);
    assert_eq!(peer.requests().len(), 0);
}

#[test]
fn files_of_certificates() {
    let pem = identity::authority_pem();
    let other = |label: &str| pem.replace("CERTIFICATE", label);
    let utf16: Vec<u8> = pem.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let good: [(&str, Vec<u8>); 4] = [
        ("plain", pem.into()),
        ("byte order mark", format!("\u{feff}{pem}").into()),
        ("line ends of Windows", pem.replace('\n', "\r\n").into()),
        (
            "words around it",
            format!("subject=CN=x\n{pem}more\n").into(),
        ),
    ];
    for (case, content) in good {
        set_ca_file(&content).unwrap_or_else(|error| panic!("{case}: {error:?}"));
    }
    let bad: [(&str, Vec<u8>); 11] = [
        ("empty", Vec::new()),
        ("empty", b" \r\n\n".to_vec()),
        ("empty", "\u{feff}\n".into()),
        ("DER", identity::authority_der()),
        ("UTF-16", [&[0xff, 0xfe][..], &utf16].concat()),
        (
            "\"TRUSTED CERTIFICATE\"",
            other("TRUSTED CERTIFICATE").into(),
        ),
        ("\"PRIVATE KEY\"", other("PRIVATE KEY").into()),
        (
            "\"CERTIFICATE REQUEST\"",
            other("CERTIFICATE REQUEST").into(),
        ),
        ("\"PKCS7\"", other("PKCS7").into()),
        ("damaged", pem.replacen("MII", "", 1).into()),
        ("-----BEGIN", b"0.pem\n1.pem\n".to_vec()),
    ];
    for (words, content) in bad {
        let error = set_ca_file(&content).expect_err(words);
        assert_eq!(error.kind, ErrorKind::InvalidArgument, "{words}");
        assert!(error.message.starts_with("ca_file: "), "{error:?}");
        assert!(error.message.contains(words), "{words}: {error:?}");
    }
}

/// Reading a device may never end, and a setter has no deadline.
#[test]
fn a_file_of_certificates_that_is_no_file() {
    let (folder, device) = match cfg!(windows) {
        true => ("C:\\", "NUL"),
        false => ("/", "/dev/zero"),
    };
    let error = Config::new().set_ca_file(folder).expect_err(folder);
    assert!(error.message.contains("regular file"), "{error:?}");
    Config::new().set_ca_file(device).expect_err(device);
}

fn set_ca_file(content: &[u8]) -> Result<(), Error> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "faults-ca-{:?}-{}",
        std::thread::current().id(),
        std::process::id()
    ));
    fs::write(&path, content).expect("a file");
    let set = Config::new().set_ca_file(path.to_str().expect("a path in UTF-8"));
    fs::remove_file(&path).expect("the file");
    set
}

/// What stands where TLS 1.2 or 1.3 should be.
#[test]
fn no_acceptable_tls() {
    // A ServerHello of TLS 1.1: version, random, no session, a cipher, no compression.
    let hello = [&[3, 2][..], &[7; 32], &[0, 0xc0, 0x13, 0]].concat();
    let message = [&[2, 0, 0, hello.len() as u8][..], &hello].concat();
    let tls11 = [&[0x16, 3, 2, 0, message.len() as u8][..], &message].concat();
    let cases: [(&str, Vec<u8>, &str); 4] = [
        ("TLS 1.1", tls11, "peer is incompatible"),
        ("alert", vec![0x15, 3, 1, 0, 2, 2, 70], "ProtocolVersion"),
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), ""),
        ("garbage", vec![0xff; 64], ""),
    ];
    for (case, bytes, words) in cases {
        let peer = Peer::start(Over::Plain, move |mut visit| {
            visit.begin();
            visit.send(&bytes);
            visit.await_end();
        });
        let url = format!("https://localhost:{}", peer.address.port());
        refused(case, &peer, &url, words);
    }
}

/// Closed or reset instead of a handshake.
#[test]
fn no_handshake() {
    for end in [Visit::cut, Visit::reset] {
        let peer = Peer::start(Over::Plain, move |mut visit| {
            visit.begin();
            end(visit);
        });
        let url = format!("https://localhost:{}", peer.address.port());
        refused("no handshake", &peer, &url, "");
    }
}

/// A good certificate is accepted, or the tests above would prove nothing.
#[test]
fn a_good_certificate() {
    let peer = Peer::start(Over::Tls, |mut visit| {
        while let Some(request) = visit.request() {
            visit.send(success(&request));
        }
    });
    delete(&config(&peer), &["1"]).expect(Outcome::Deleted, None);
}
