//! Certificates from pipes that nobody writes to.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use koodrive::config::Config;
use koodrive::error::ErrorKind;
use koodrive::monitor::Monitor;
use koodrive::report::Outcome;

use crate::answers::success;
use crate::child;
use crate::client::{client, delete, delete_watched, delete_with, with_defaults};
use crate::identity;
use crate::peer::{Over, Peer};

/// A pipe in the file system, which is gone with it.
struct Pipe(PathBuf);

impl Pipe {
    fn new(name: &str) -> Self {
        let name = format!("faults-{name}-{}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo").success());
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        fs::remove_file(&self.0).expect("the pipe");
    }
}

/// The platform's certificates come from a file that nobody writes yet.
#[test]
fn the_platforms_certificates_hang() {
    const TEST: &str = "pipes::the_platforms_certificates_hang";
    if !child::is_child() {
        let pipe = Pipe::new("certificates");
        return child::rerun(TEST, None, &[("SSL_CERT_FILE", pipe.path())]);
    }
    let peer = Peer::start(Over::Tls, |mut visit| {
        while let Some(request) = visit.request() {
            visit.send(success(&request));
        }
    });
    let limit = Duration::from_millis(500);
    let mut config = with_defaults(Config::new(), &peer.url());
    config.set_connect_timeout_ms(500).expect("a number");
    let client = client(&config);
    let run = delete_with(&client, &["1"]);
    run.expect(Outcome::NotSent, ErrorKind::Unreachable);
    run.expect_time(limit);
    assert!(run.message().contains("certificates"), "{run:?}");

    config.set_run_timeout_ms(100).expect("a number");
    let run = delete(&config, &["1"]);
    run.expect(Outcome::NotSent, ErrorKind::TimedOut);
    assert!(run.elapsed < limit, "{run:?}");

    let monitor = Monitor::default();
    monitor.cancel();
    let run = delete_watched(&client, &["1"], Some(&monitor));
    run.expect(Outcome::NotSent, ErrorKind::Cancelled);

    // Whoever still waits, or comes later, gets them.
    let file = std::env::var("SSL_CERT_FILE").expect("a variable");
    fs::write(file, identity::authority_pem()).expect("a reader");
    delete_with(&client, &["1"]).expect(Outcome::Deleted, None);
}

/// A setter has no deadline.
#[test]
fn a_pipe_is_no_file_of_certificates() {
    let pipe = Pipe::new("ca-pipe");
    let refused = Config::new().set_ca_file(pipe.path());
    let error = refused.expect_err("a refusal");
    assert!(error.message.contains("regular file"), "{error:?}");
}
