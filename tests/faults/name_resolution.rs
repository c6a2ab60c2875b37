//! Names: look-ups that hang, and names with several addresses, not all of which answer.
//!
//! The machine's names are replaced for one process, in a mount namespace of its own. Where that is
//! not allowed, these tests are skipped and say so.

use std::fs;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use koodrive::error::ErrorKind;
use koodrive::monitor::Monitor;
use koodrive::report::Outcome;

use crate::answers::success;
use crate::child;
use crate::client::{
    SLACK, client, config, config_for, delete, delete_watched, delete_with, with_attempts,
};
use crate::connecting::BlackHole;
use crate::peer::{Over, Peer};

/// `sh -c` with this and a file: what follows runs with the file as the machine's names.
const WITH_NAMES: &str = r#"mount --bind "$0" /etc/hosts && exec "$@""#;

fn with_names(names: &Path) -> Command {
    let mut command = Command::new("unshare");
    let flags = [
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        WITH_NAMES,
    ];
    command.args(flags).arg(names);
    command
}

fn temporary(name: &str) -> PathBuf {
    let name = format!("faults-{name}-{}", std::process::id());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Runs `test` again where `localhost` has these addresses, in this order; without any, where the
/// look-up never ends.
fn rerun_where_localhost_is(addresses: &[&str], test: &str) {
    let names = temporary(test);
    match addresses {
        // The resolver waits for somebody to write.
        [] => {
            let made = Command::new("mkfifo").arg(&names).status();
            assert!(made.expect("mkfifo").success());
        }
        _ => {
            let lines: String = addresses
                .iter()
                .map(|at| format!("{at} localhost\n"))
                .collect();
            fs::write(&names, lines).expect("a file");
        }
    }
    let allowed = with_names(&names).arg("true").output();
    if allowed.is_ok_and(|output| output.status.success()) {
        child::rerun(test, Some(with_names(&names)), &[]);
    } else {
        eprintln!("skipped: {test} needs a mount namespace");
    }
    fs::remove_file(&names).expect("the file");
}

fn thread_count() -> usize {
    let threads = fs::read_dir("/proc/self/task");
    threads.expect("the threads").count()
}

#[test]
fn a_look_up_that_hangs() {
    if !child::is_child() {
        return rerun_where_localhost_is(&[], "name_resolution::a_look_up_that_hangs");
    }
    let limit = Duration::from_millis(700);
    let mut config = with_attempts(config_for("http://localhost:9"), 2);
    config.set_connect_timeout_ms(700).expect("a number");
    let client = client(&config);
    let run = delete_with(&client, &["1"]);
    run.expect(Outcome::NotSent, ErrorKind::Unreachable);
    assert!(run.elapsed >= 2 * limit, "{run:?}");
    assert!(run.elapsed < 2 * limit + SLACK, "{run:?}");
    assert!(run.message().contains("look-up"), "{run:?}");
    // At most one thread hangs with it, however many calls there are.
    let before = thread_count();
    delete_with(&client, &["2"]).expect(Outcome::NotSent, ErrorKind::Unreachable);
    assert_eq!(thread_count(), before);
    // And a cancelled call does not wait for it.
    let monitor = Monitor::default();
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            monitor.cancel();
        });
        delete_watched(&client, &["3"], Some(&monitor))
    });
    run.expect(Outcome::NotSent, ErrorKind::Cancelled);
    assert!(run.elapsed < limit, "{run:?}");
}

/// The response to a call that had given up says nothing of the name as it is when another call
/// comes, however long after.
#[test]
fn a_late_answer_is_not_for_a_later_call() {
    const TEST: &str = "name_resolution::a_late_answer_is_not_for_a_later_call";
    if !child::is_child() {
        return rerun_where_localhost_is(&[], TEST);
    }
    let service = service();
    let url = format!("http://localhost:{}", service.address.port());
    let mut config = config_for(&url);
    config.set_connect_timeout_ms(1_200).expect("a number");
    let client = client(&config);
    // More than a second passes, so that what comes of this look-up belongs to this call alone.
    delete_with(&client, &["1"]).expect(Outcome::NotSent, ErrorKind::Unreachable);
    // The resolver gets an end and no address, and its thread is gone.
    let without_it = thread_count() - 1;
    fs::write("/etc/hosts", "").expect("a reader");
    while thread_count() > without_it {
        std::thread::yield_now();
    }
    // By now the machine knows the name.
    let names = temporary("learnt");
    fs::write(&names, "127.0.0.1 localhost\n").expect("a file");
    let mounted = Command::new("mount")
        .arg("--bind")
        .args([&names, Path::new("/etc/hosts")])
        .status();
    assert!(mounted.expect("mount").success());
    delete_with(&client, &["2"]).expect(Outcome::Deleted, None);
    fs::remove_file(&names).expect("the file");
}

fn service() -> Peer {
    Peer::start(Over::Plain, |mut visit| {
        while let Some(request) = visit.request() {
            visit.send(success(&request));
        }
    })
}

/// IPv6 comes first (RFC 6724), and 127.0.0.1 works.
fn ipv4_is_taken(ipv6: impl Fn(u16) -> Option<BlackHole>, at_least: Duration) {
    let service = service();
    let hole = ipv6(service.address.port());
    let url = format!("http://localhost:{}", service.address.port());
    let mut config = config(&service);
    config.set_endpoint(&url).expect("a URL");
    let run = delete(&config, &["1"]);
    run.expect(Outcome::Deleted, None);
    assert!(run.elapsed >= at_least, "IPv6 was not tried: {run:?}");
    assert!(run.elapsed < at_least + SLACK, "{run:?}");
    assert_eq!(service.requests().len(), 1);
    drop(hole);
}

#[test]
fn a_black_holed_ipv6_beside_a_working_ipv4() {
    let test = "name_resolution::a_black_holed_ipv6_beside_a_working_ipv4";
    if TcpListener::bind("[::1]:0").is_err() {
        return eprintln!("skipped: {test} needs IPv6");
    }
    if !child::is_child() {
        return rerun_where_localhost_is(&["::1", "127.0.0.1"], test);
    }
    let hole = |port| Some(BlackHole::at(SocketAddr::from((Ipv6Addr::LOCALHOST, port))));
    // The head start of an address.
    ipv4_is_taken(hole, Duration::from_millis(250));
}

#[test]
fn a_refusing_ipv6_beside_a_working_ipv4() {
    let test = "name_resolution::a_refusing_ipv6_beside_a_working_ipv4";
    if !child::is_child() {
        return rerun_where_localhost_is(&["::1", "127.0.0.1"], test);
    }
    ipv4_is_taken(|_| None, Duration::ZERO);
}

/// Plain HTTP does not leave this machine, whatever the name says.
#[test]
fn a_name_that_leads_elsewhere() {
    let test = "name_resolution::a_name_that_leads_elsewhere";
    if !child::is_child() {
        return rerun_where_localhost_is(&["192.0.2.1"], test);
    }
    let run = delete(&config_for("http://localhost:9"), &["1"]);
    run.expect(Outcome::NotSent, ErrorKind::Unreachable);
    assert!(run.message().contains("no address"), "{run:?}");
}
