//! What the tests of the library share: a sandbox, a client of it, and outcomes by name.
#![allow(dead_code, reason = "each test file uses its part")]

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::{Error, ErrorKind};
use koodrive::plan::Plan;
use koodrive::report::{Outcome, Report};
use koodrive_sandbox::{Fault, Options, Sandbox};

pub const USER: &str = "1505084218764547200";
pub const DEVICE: &str = "1842812272691451648";

pub fn sandbox(options: Options) -> Sandbox {
    Sandbox::start(options).expect("loopback has a free port")
}

/// A config for the sandbox, with a token and a user.
pub fn config(sandbox: &Sandbox) -> Config {
    let mut config = Config::new();
    config.set_endpoint(sandbox.url()).unwrap();
    config.set_user_id(USER).unwrap();
    config.set_access_token("a-token").unwrap();
    config
}

pub fn client(sandbox: &Sandbox) -> Client {
    Client::new(&config(sandbox)).unwrap()
}

/// A request is answered with this status, and not executed.
pub fn status(status: u16) -> Fault {
    Fault::Status {
        status,
        retry_after: None,
        body: None,
        content_type: None,
    }
}

/// `count` ids that a sandbox with generated scopes has.
pub fn generated_ids(count: usize) -> Vec<String> {
    (0..count as u64)
        .map(koodrive_sandbox::generated_scope_id)
        .collect()
}

pub fn plan(ids: &[impl AsRef<str>]) -> Plan {
    let mut plan = Plan::new();
    plan.add(None, DEVICE, ids.iter().map(AsRef::as_ref))
        .unwrap();
    plan
}

/// Runs a plan that must get as far as sending.
pub fn delete(client: &Client, plan: &Plan) -> (Report, Option<Error>) {
    client.delete_plan(plan, None).expect("the run begins")
}

/// Deletes ids of `DEVICE` and returns the report of a run that must be complete.
pub fn delete_ids(client: &Client, ids: &[impl AsRef<str>]) -> Report {
    let (report, error) = delete(client, &plan(ids));
    assert!(error.is_none(), "{error:?}");
    report
}

pub fn outcomes(report: &Report) -> Vec<Outcome> {
    let outcome = |position| report.outcome(position).expect("a known outcome");
    (0..report.count()).map(outcome).collect()
}

pub fn code(report: &Report, position: usize) -> Option<&str> {
    report
        .service_code(position)
        .map(|code| code.to_str().unwrap())
}

pub fn message(report: &Report, position: usize) -> Option<&str> {
    report
        .message(position)
        .map(|message| message.to_str().unwrap())
}

pub fn kind(error: &Option<Error>) -> Option<ErrorKind> {
    error.as_ref().map(|error| error.kind)
}
