//! A test carried out in a process of its own, where the environment or the machine's names are
//! other ones.

use std::env;
use std::process::Command;

const MARK: &str = "KOODRIVE_FAULTS_CHILD";

/// Whether this is the process that `rerun` started.
pub fn is_child() -> bool {
    env::var_os(MARK).is_some()
}

/// Runs a test of this program again, in the process that `command` starts: the program itself, or
/// one that ends by carrying out its arguments.
#[track_caller]
pub fn rerun(test: &str, command: Option<Command>, variables: &[(&str, &str)]) {
    let program = env::current_exe().expect("this program");
    let mut command = match command {
        None => Command::new(program),
        Some(mut command) => {
            command.arg(program);
            command
        }
    };
    command
        .args(["--exact", test, "--nocapture"])
        .env(MARK, "1");
    command.envs(variables.iter().copied());
    let output = command.output().expect("a process");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
