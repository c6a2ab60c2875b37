//! A run that is written down in a file and taken up by the same call: what the file does to a run, and
//! which files are refused. `src/journal/FORMAT.md` describes it.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::*;
use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::{Error, ErrorKind};
use koodrive::monitor::Monitor;
use koodrive::plan::Plan;
use koodrive::report::Outcome::{self, *};
use koodrive::report::Report;
use koodrive_sandbox::{Fault, Options, Rejection, Rule, Sandbox, ScopeSource};

/// A folder of its own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("koodrive-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("journal")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(client: &Client, plan: &Plan, path: &Path) -> (Report, Option<Error>) {
    client
        .delete_plan_journaled(plan, path, None)
        .expect("the run begins")
}

/// Why a journal is refused; the file stays as it was, and nothing is sent.
#[track_caller]
fn refused(sandbox: &Sandbox, client: &Client, plan: &Plan, path: &Path) -> String {
    let before = fs::read(path).ok();
    let requests = sandbox.totals().requests;
    let error = client
        .delete_plan_journaled(plan, path, None)
        .expect_err("a refusal");
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    assert_eq!(fs::read(path).ok(), before, "the file was changed: {error}");
    assert_eq!(sandbox.totals().requests, requests);
    error.message
}

/// A sandbox with 450 scopes of which one is locked; ids of those, one that does not exist and a repeat.
fn start() -> (Sandbox, Plan) {
    let ids: Vec<_> = (1..=450).map(|id| id.to_string()).collect();
    let listed: Vec<_> = ids.iter().map(|id| id.as_str().into()).collect();
    let rejection = Rejection {
        error_code: "15000999".into(),
        msg: "locked".into(),
    };
    let sandbox = sandbox(Options {
        scopes: ScopeSource::Listed(
            [(USER.into(), [(DEVICE.into(), listed.into())].into())].into(),
        ),
        rejected_ids: [("7".into(), rejection)].into(),
        ..Options::default()
    });
    let mut plan = plan(&ids);
    plan.add(None, DEVICE, ["9999", "1"].into_iter()).unwrap();
    (sandbox, plan)
}

fn one_connection(sandbox: &Sandbox) -> Client {
    let mut config = config(sandbox);
    config.set_max_connections(1).unwrap();
    config.set_max_attempts(1).unwrap();
    config.set_max_outage_ms(0).unwrap();
    Client::new(&config).unwrap()
}

fn expected() -> Vec<Outcome> {
    let mut all = vec![Deleted; 452];
    all[6] = Rejected;
    all[450] = NotFound;
    all[451] = Duplicate;
    all
}

#[test]
fn a_finished_run_is_told_again_and_sends_nothing() {
    let (sandbox, plan) = start();
    let folder = Folder::new("finished");
    let client = client(&sandbox);
    let (first, error) = run(&client, &plan, &folder.file());
    assert_eq!(kind(&error), None);
    assert_eq!(outcomes(&first), expected());
    let requests = sandbox.totals().requests;
    #[cfg(unix)]
    assert_eq!(mode(&folder.file()), 0o600);
    let monitor = Monitor::default();
    let again = client.delete_plan_journaled(&plan, &folder.file(), Some(&monitor));
    let (again, error) = again.unwrap();
    assert_eq!(kind(&error), None);
    assert_eq!(outcomes(&again), expected());
    assert_eq!((again.request_count(), monitor.scopes_done()), (0, 452));
    assert_eq!(sandbox.totals().requests, requests);
    for position in 0..452 {
        assert_eq!(message(&again, position), message(&first, position));
        assert_eq!(code(&again, position), code(&first, position));
    }
    assert_eq!(again.unfinished().unwrap().scope_count(), 0);
}

/// A service that says little, or nothing, of the ids that it refuses.
#[test]
fn a_refusal_without_code_or_words_is_told_again() {
    let sandbox = sandbox(Options::default());
    sandbox.set_faults(vec![Rule::always(Fault::Body {
        executed: false,
        body: r#"{"code":0,"failedScopeList":[{"scopeId":"1"},
            {"scopeId":"2","errorCode":"15000999"},{"scopeId":"3","msg":"locked"}]}"#
            .into(),
    })]);
    let folder = Folder::new("silent");
    let plan = plan(&["1", "2", "3"]);
    let client = one_connection(&sandbox);
    let (first, _) = run(&client, &plan, &folder.file());
    let (again, _) = run(&client, &plan, &folder.file());
    assert_eq!(again.request_count(), 0);
    for report in [first, again] {
        assert_eq!(outcomes(&report), [Rejected; 3]);
        let codes = [0, 1, 2].map(|position| code(&report, position));
        assert_eq!(codes, [None, Some("15000999"), None]);
        let messages = [0, 1, 2].map(|position| message(&report, position));
        assert_eq!(messages, [None, None, Some("locked")]);
        assert_eq!(report.unfinished().unwrap().scope_count(), 0);
    }
}

/// Elsewhere the folder says who may read a file.
#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_run_that_was_stopped_is_taken_up() {
    for (fault, third) in [
        // Refused, lost before it was carried out, and after that.
        (Rule::during(2..3, status(401)), Deleted),
        (
            Rule::during(2..3, Fault::Reset { executed: false }),
            Deleted,
        ),
        (Rule::during(2..3, Fault::Reset { executed: true }), Gone),
    ] {
        let (sandbox, plan) = start();
        let folder = Folder::new("stopped");
        let stop = Rule::during(3..u64::MAX, status(401));
        sandbox.set_faults(vec![fault.clone(), stop]);
        let client = one_connection(&sandbox);
        let (report, error) = run(&client, &plan, &folder.file());
        assert!(error.is_some());
        assert_eq!(report.tally(Deleted as i32), 199);
        sandbox.set_faults(vec![]);
        let (report, error) = run(&client, &plan, &folder.file());
        assert_eq!(kind(&error), None);
        let mut expected = expected();
        expected[200..300].fill(third);
        assert_eq!(outcomes(&report), expected, "{fault:?}");
        assert_eq!(report.request_count(), 3);
    }
}

#[test]
fn what_a_cancelled_run_did_not_send_is_not_taken_for_sent() {
    let (sandbox, plan) = start();
    let folder = Folder::new("cancelled");
    let monitor = Monitor::default();
    monitor.cancel();
    let client = client(&sandbox);
    let cancelled = client.delete_plan_journaled(&plan, &folder.file(), Some(&monitor));
    let (report, error) = cancelled.unwrap();
    assert_eq!(kind(&error), Some(ErrorKind::Cancelled));
    assert_eq!(report.tally(NotSent as i32), 451);
    // After one request, which announces some more, the token has expired.
    sandbox.set_faults(vec![Rule::during(1..u64::MAX, status(401))]);
    let client = one_connection(&sandbox);
    run(&client, &plan, &folder.file());
    sandbox.set_faults(vec![]);
    let (report, _) = run(&client, &plan, &folder.file());
    assert_eq!(outcomes(&report), expected());
}

#[test]
fn what_was_tried_by_a_lost_run_stays_tried() {
    let (sandbox, mut plan) = start();
    plan.mark_tried();
    let folder = Folder::new("tried");
    // The journal keeps that, also if the plan is built anew.
    sandbox.set_faults(vec![Rule::always(status(401))]);
    run(&client(&sandbox), &plan, &folder.file());
    sandbox.set_faults(vec![]);
    let (_, fresh) = start();
    let (report, _) = run(&client(&sandbox), &fresh, &folder.file());
    assert_eq!(outcomes(&report)[450], Gone);
    let (report, _) = run(&client(&sandbox), &fresh, &folder.file());
    assert_eq!(outcomes(&report)[450], Gone);
}

#[test]
fn journals_of_something_else_are_refused() {
    let (sandbox, plan) = start();
    let folder = Folder::new("other");
    let file = folder.file();
    let client = client(&sandbox);
    run(&client, &plan, &file);
    let mut other_plans = vec![common::plan(&["1"]), Plan::new()];
    let mut longer = plan.clone();
    longer.add(None, DEVICE, ["5"].into_iter()).unwrap();
    other_plans.push(longer);
    let mut shorter = plan.clone();
    shorter.truncate(451);
    other_plans.push(shorter);
    for other in &other_plans {
        let why = refused(&sandbox, &client, other, &file);
        assert!(why.contains("of another plan"), "{why}");
    }
    let mut config = common::config(&sandbox);
    config.set_user_id("another").unwrap();
    let why = refused(&sandbox, &Client::new(&config).unwrap(), &plan, &file);
    assert!(why.contains("of another plan"), "{why}");
    let other = common::sandbox(Options::default());
    let why = refused(&other, &common::client(&other), &plan, &file);
    assert!(why.contains("of another endpoint"), "{why}");
}

#[test]
fn what_is_no_journal_is_refused() {
    let (sandbox, plan) = start();
    let folder = Folder::new("none");
    let file = folder.file();
    let client = client(&sandbox);
    for content in [
        "my notes",
        "1\n2\n3\n",
        "{\"a\":1}\n",
        "\n",
        "{}",
        "{\"koodrive_journal\":1}\n",
    ] {
        fs::write(&file, content).unwrap();
        let why = refused(&sandbox, &client, &plan, &file);
        assert!(why.contains("no journal"), "{content:?}: {why}");
    }
    // Binary files, and one that is reserved.
    for content in [
        &b"\0\x01\x02data"[..],
        b"\0\xff",
        &[0; 5_000],
        b"\0my notes\tand more",
    ] {
        fs::write(&file, content).unwrap();
        let why = refused(&sandbox, &client, &plan, &file);
        assert!(why.contains("no journal"), "{content:?}: {why}");
    }
    let why = refused(&sandbox, &client, &plan, &folder.0);
    assert!(why.contains("directory"), "{why}");
    let nowhere = folder.0.join("none/journal");
    let why = refused(&sandbox, &client, &plan, &nowhere);
    let words = fs::read(&nowhere).unwrap_err().to_string();
    assert!(why.contains(&words), "{why}");
    let device = if cfg!(windows) { "NUL" } else { "/dev/null" };
    let why = refused(&sandbox, &client, &plan, Path::new(device));
    assert!(why.contains("no regular file"), "{why}");
}

#[test]
fn a_torn_end_is_cut_off() {
    let (sandbox, plan) = start();
    let folder = Folder::new("torn");
    let file = folder.file();
    let client = client(&sandbox);
    run(&client, &plan, &file);
    let whole = fs::read(&file).unwrap();
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    let requests = sandbox.totals().requests;
    for tail in [
        &b""[..],
        b"{\"event\":\"res",
        &[0; 5_000],
        &whole[last..whole.len() - 1],
    ] {
        fs::write(&file, [&whole[..last], tail].concat()).unwrap();
        let (report, error) = run(&client, &plan, &file);
        assert_eq!(kind(&error), None);
        // The last result is lost; what it said is asked for again.
        let wrong = |(outcome, expected): (Outcome, Outcome)| {
            outcome != expected
                && (outcome, expected) != (Gone, Deleted)
                && (outcome, expected) != (Gone, NotFound)
                && (outcome, expected) != (Unknown, Rejected)
        };
        let all = outcomes(&report).into_iter().zip(expected());
        assert_eq!(all.filter(|pair| wrong(*pair)).count(), 0);
    }
    assert!(sandbox.totals().requests > requests);
    // Of a header that was never whole nothing was relied on.
    for begun in [
        &b""[..],
        b"{\"koodrive_jo",
        b"{\"koodrive_journal\":1,\"lib",
        &[0; 100],
    ] {
        fs::write(&file, begun).unwrap();
        let (report, error) = run(&client, &plan, &file);
        assert_eq!(kind(&error), None);
        assert_eq!(report.tally(NotFound as i32), 450);
    }
}

#[test]
fn damage_is_refused() {
    let (sandbox, plan) = start();
    let folder = Folder::new("damage");
    let file = folder.file();
    let client = one_connection(&sandbox);
    run(&client, &plan, &file);
    let whole = fs::read(&file).unwrap();
    let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    assert!(lines.len() >= 10);
    let mut start = lines[0].len();
    // All that was safe when the last line was written.
    let last: serde_json::Value = serde_json::from_slice(lines.last().unwrap()).unwrap();
    let safe = last["durable"].as_u64().unwrap() as usize;
    let is_safe =
        |line: &&&[u8]| line.as_ptr() as usize - whole.as_ptr() as usize + line.len() <= safe;
    for line in lines[1..].iter().take_while(is_safe) {
        for at in [0, line.len() / 2, line.len() - 1] {
            let mut damaged = whole.clone();
            damaged[start + at] ^= 1;
            fs::write(&file, &damaged).unwrap();
            let why = refused(&sandbox, &client, &plan, &file);
            assert!(why.contains("damaged"), "byte {at} of {start}: {why}");
        }
        start += line.len();
    }
    let mut damaged = whole.clone();
    damaged[30] ^= 1;
    fs::write(&file, &damaged).unwrap();
    let why = refused(&sandbox, &client, &plan, &file);
    assert!(why.contains("damaged at byte 0"), "{why}");
}

#[test]
fn lines_that_are_missing_are_noticed() {
    let (sandbox, plan) = start();
    let folder = Folder::new("missing");
    let file = folder.file();
    let client = one_connection(&sandbox);
    run(&client, &plan, &file);
    // A later run knows all of that to be safe.
    sandbox.set_faults(vec![Rule::always(status(401))]);
    let text = fs::read_to_string(&file).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let safe = last["durable"].as_u64().unwrap() as usize;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let is_header = start == 0;
        start += line.len();
        if start <= safe && !is_header {
            fs::write(&file, text.replacen(line, "", 1)).unwrap();
            let why = refused(&sandbox, &client, &plan, &file);
            assert!(why.contains("missing"), "{why}");
        }
    }
}

#[test]
fn newer_formats_are_refused() {
    let (sandbox, plan) = start();
    let folder = Folder::new("newer");
    let file = folder.file();
    let client = client(&sandbox);
    run(&client, &plan, &file);
    let text = fs::read_to_string(&file).unwrap();
    let (header, rest) = text.split_once('\n').unwrap();
    let content = header.split(",\"crc\"").next().unwrap();
    let content = content.replace("\"koodrive_journal\":1", "\"koodrive_journal\":2");
    let crc = crc32fast::hash(content.as_bytes());
    fs::write(&file, format!("{content},\"crc\":\"{crc:08x}\"}}\n{rest}")).unwrap();
    let why = refused(&sandbox, &client, &plan, &file);
    assert!(why.contains("newer format"), "{why}");
}

#[test]
fn a_journal_serves_one_run_at_a_time() {
    let (sandbox, plan) = start();
    let folder = Folder::new("in-use");
    let file = folder.file();
    let client = client(&sandbox);
    fs::write(&file, "").unwrap();
    let held = koodrive::journal::JournalFile::open(&file).unwrap();
    let why = refused(&sandbox, &client, &plan, &file);
    assert!(why.contains("in use"), "{why}");
    drop(held);
    assert_eq!(kind(&run(&client, &plan, &file).1), None);
}

/// Where nothing can be done to a file that is in use.
#[cfg(windows)]
#[test]
fn a_journal_in_use_can_be_read_and_neither_deleted_nor_changed() {
    let folder = Folder::new("held");
    let file = folder.file();
    let held = koodrive::journal::JournalFile::open(&file).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"");
    fs::remove_file(&file).unwrap_err();
    fs::rename(&file, folder.0.join("other")).unwrap_err();
    fs::write(&file, "text").unwrap_err();
    drop(held);
    fs::remove_file(&file).unwrap();
}

#[cfg(unix)]
#[test]
fn a_journal_that_is_lost_in_mid_run_ends_it() {
    is_lost_by("deleted", |file| fs::remove_file(file).unwrap());
}

#[cfg(unix)]
#[test]
fn a_journal_that_is_cut_in_mid_run_ends_it() {
    is_lost_by("cut", |file| {
        let file = fs::OpenOptions::new().write(true).open(file).unwrap();
        file.set_len(100).unwrap();
    });
}

#[cfg(unix)]
fn is_lost_by(name: &str, lose: impl Fn(&Path)) {
    let sandbox = sandbox(Options::default());
    let ids: Vec<_> = (0..60_000).map(|id| id.to_string()).collect();
    let plan = plan(&ids);
    let folder = Folder::new(name);
    let file = folder.file();
    let client = one_connection(&sandbox);
    sandbox.set_faults(vec![Rule::always(Fault::LatencyMs(1))]);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&client, &plan, &file));
        let patience = std::time::Duration::from_secs(30);
        assert!(sandbox.wait_for(patience, |totals| totals.requests >= 3));
        lose(&file);
        let (report, error) = running.join().unwrap();
        assert_eq!(kind(&error), Some(ErrorKind::Journal));
        assert!(!error.unwrap().retryable);
        let deleted = report.tally(Deleted as i32);
        assert_eq!(sandbox.totals().deleted, deleted as u64);
        assert!(report.tally(NotSent as i32) > 0);
    });
}

/// For people: what a line says, and that no secret is in it.
#[test]
fn lines_can_be_read() {
    let (sandbox, plan) = start();
    let folder = Folder::new("lines");
    run(&one_connection(&sandbox), &plan, &folder.file());
    let text = fs::read_to_string(folder.file()).unwrap();
    assert!(!text.contains("a-token"));
    let mut lines = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let header = lines.next().unwrap();
    assert_eq!(header["koodrive_journal"], 1);
    assert_eq!(header["ids"], 452);
    assert_eq!(header["endpoint"], sandbox.url());
    let events: Vec<_> = lines.collect();
    let first = &events[0];
    assert_eq!(
        (&first["event"], &first["batch"]),
        (&"intent".into(), &0.into())
    );
    assert_eq!(
        (&first["user"], &first["device"]),
        (&USER.into(), &DEVICE.into())
    );
    assert_eq!(first["positions"], serde_json::json!([[0, 99]]));
    assert_eq!(first["ids"][6], "7");
    let result = events
        .iter()
        .find(|line| line["event"] == "result")
        .unwrap();
    assert_eq!(
        (&result["batch"], &result["status"]),
        (&0.into(), &200.into())
    );
    assert!(result["request_id"].is_string());
    assert_eq!(
        result["outcomes"],
        serde_json::json!([
            {"outcome": "DELETED", "positions": [[0, 5], [7, 99]]},
            {"outcome": "REJECTED", "positions": [[6, 6]], "code": "15000999", "message": "locked", "permanent": true},
        ])
    );
}

/// A journal that version 0.1.0 wrote is read for ever.
#[test]
fn a_journal_of_version_0_1_0_is_read() {
    let vector = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journal-0.1.0.jsonl");
    let folder = Folder::new("vector");
    fs::copy(vector, folder.file()).unwrap();
    let mut config = Config::new();
    config.set_endpoint("https://koodrive.example").unwrap();
    config.set_user_id(USER).unwrap();
    config.set_access_token("t").unwrap();
    let ids: Vec<_> = (1..=450).map(|id| id.to_string()).collect();
    let mut plan = plan(&ids);
    plan.add(None, DEVICE, ["9999", "1"].into_iter()).unwrap();
    let monitor = Monitor::default();
    monitor.cancel();
    let client = Client::new(&config).unwrap();
    let ended = client.delete_plan_journaled(&plan, &folder.file(), Some(&monitor));
    let (report, _) = ended.unwrap();
    let mut expected = expected();
    // What the run that wrote it had sent without an answer, and what it had not.
    expected[200..300].fill(Unknown);
    expected[300..451].fill(NotSent);
    assert_eq!(outcomes(&report), expected);
    assert_eq!(code(&report, 6), Some("15000999"));
}
