//! The program, as a client in any language finds it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use koodrive_sandbox::generated_scope_id;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

mod common;

/// The program while it runs: it ends with its standard input.
struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments)
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut url).unwrap();
        let url = url.trim_end().to_owned();
        Self { child, url }
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        let mut rest = String::new();
        self.child
            .stdout
            .unwrap()
            .read_to_string(&mut rest)
            .unwrap();
        assert_eq!(rest, "");
    }

    fn delete(&self, agent: &Agent, token: &str, ids: Value) -> (u16, Value) {
        let device = common::DEVICE;
        let url = format!("{}/koodrive/ose/v1/backup/device/{device}/scope", self.url);
        let request = agent
            .delete(url)
            .header("Authorization", format!("Bearer {token}"))
            .header("X-User-Id", common::USER)
            .header("X-Date", common::x_date(0))
            .header("Content-Type", "application/json")
            .force_send_body();
        let body = json!({ "scopeIdList": ids }).to_string();
        let mut answer = request.send(body).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (
            answer.status().as_u16(),
            serde_json::from_str(&text).unwrap(),
        )
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koodrive-sandbox"));
    command.args(arguments);
    command
}

/// A directory for one test's files.
fn directory(test: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn agent(tls: TlsConfig) -> Agent {
    let config = Agent::config_builder().http_status_as_error(false);
    config.proxy(None).tls_config(tls).build().into()
}

#[test]
fn arguments_make_the_sandbox() {
    let program = Program::start(&["--generate", "1", "--token", "good"]);
    assert!(program.url.starts_with("http://127.0.0.1:"));
    let agent = agent(TlsConfig::default());
    assert_eq!(program.delete(&agent, "bad", json!([1])).0, 401);
    let ids = json!([generated_scope_id(0), generated_scope_id(1)]);
    let (status, answer) = program.delete(&agent, "good", ids);
    assert_eq!(status, 200);
    assert_eq!(answer["scopeIdList"], json!([generated_scope_id(0)]));
    program.end();
}

#[test]
fn files_make_the_sandbox() {
    let directory = directory("files");
    let file = |name: &str, content: Value| {
        let path = directory.join(name);
        fs::write(&path, content.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let options = file(
        "options.json",
        json!({
            "scopes": { "users": { common::USER: { common::DEVICE: ["1"] } } },
            "tokens": [{ "value": "short", "requests": 2 }],
            "poison_ids": ["13"],
            "rejected_ids": { "14": { "error_code": "15000999", "msg": "locked" } },
            "date": { "verbatim": "never" },
        }),
    );
    let faults = file(
        "faults.json",
        json!([{ "match": { "from": 1, "count": 1 }, "fault": { "stranger": 7 } }]),
    );
    let program = Program::start(&["--options", &options, "--faults", &faults]);
    let agent = agent(TlsConfig::default());
    assert_eq!(program.delete(&agent, "short", json!([13])).0, 400);
    let (_, answer) = program.delete(&agent, "short", json!([1, 14]));
    assert_eq!(answer["scopeIdList"], json!(["1", "7"]));
    assert_eq!(answer["failedScopeList"][0]["errorCode"], "15000999");
    assert_eq!(program.delete(&agent, "short", json!([1])).0, 401);
    program.end();
}

#[test]
fn tls_is_trusted_through_the_file_that_it_writes() {
    let directory = directory("tls");
    let program = Program::start(&["--tls", directory.to_str().unwrap()]);
    assert!(program.url.starts_with("https://localhost:"));
    let ca_pem = fs::read(directory.join("ca.pem")).unwrap();
    let ca = Certificate::from_pem(&ca_pem).unwrap();
    let trusting = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[ca]));
    let trusting = agent(trusting.build());
    let (status, answer) = program.delete(&trusting, "any", json!([1]));
    assert_eq!((status, &answer["scopeIdList"]), (200, &json!(["1"])));

    let distrusting = agent(TlsConfig::default());
    assert!(distrusting.get(&program.url).call().is_err());
    program.end();
}

#[test]
fn help_is_given_and_nonsense_is_refused() {
    let help = command(&["--help"]).output().unwrap();
    assert!(help.status.success());
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("--until-stdin-closes")
    );
    for nonsense in [
        &["--unheard-of"][..],
        &["--port", "x"],
        &["--devices", "2"],
        &["--app-id", "a"],
        &["--scopes", "no-such-file"],
        &["stray"],
    ] {
        let output = command(nonsense).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{nonsense:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}

#[test]
fn what_was_deleted_stays_deleted_with_a_state() {
    let state = directory("state").join("state.json");
    let _ = fs::remove_file(&state);
    let arguments = ["--auto", "3", "--state", state.to_str().unwrap()];
    let (first, second) = (generated_scope_id(0), generated_scope_id(1));
    for (deleted, ids) in [(1, json!([first])), (1, json!([first, second]))] {
        let program = Program::start(&arguments);
        let (status, answer) = program.delete(&Agent::new_with_defaults(), "any", ids);
        assert_eq!(status, 200);
        assert_eq!(answer["scopeIdList"].as_array().unwrap().len(), deleted);
        program.end();
    }
}
