//! C programs against the built library, alone and under valgrind: no leak, no error.

mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use koodrive_sandbox::{Options, Rejection, Sandbox, ScopeSource};
use toolchain::{Language, Scratch, compile, succeed};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What the programs under tests/abi expect.
fn sandbox() -> Sandbox {
    sandbox_with(Options::default())
}

fn sandbox_with(options: Options) -> Sandbox {
    let locked = Rejection {
        error_code: "15000999".into(),
        msg: "The scope is locked.".into(),
    };
    Sandbox::start(Options {
        scopes: ScopeSource::Auto { count: 150 },
        forbidden_users: ["forbidden".into()].into(),
        rejected_ids: [("7".into(), locked)].into(),
        ..options
    })
    .unwrap()
}

/// With the environment that makes it a client of the sandbox.
fn command(program: impl AsRef<Path>, sandbox: &Sandbox) -> Command {
    let mut command = Command::new(program.as_ref());
    command
        .env("KOODRIVE_ENDPOINT", sandbox.url())
        .env("KOODRIVE_USER_ID", "1505084218764547200")
        .env("KOODRIVE_ACCESS_TOKEN", "a-token");
    command
}

fn valgrind(program: &Path, sandbox: &Sandbox) -> Command {
    let mut command = command("valgrind", sandbox);
    command.args(["--quiet", "--leak-check=full", "--show-leak-kinds=all"]);
    command.args(["--errors-for-leak-kinds=all", "--error-exitcode=99"]);
    command.arg(program);
    command
}

fn source(name: &str) -> PathBuf {
    Path::new(ROOT).join("tests/abi").join(name)
}

/// Runs a program of tests/abi, twice; the sandboxes that it used.
fn run_program(name: &str) -> [Sandbox; 2] {
    let scratch = Scratch::new(name);
    let program = scratch.path(name);
    compile(Language::C, "c11", &source(&format!("{name}.c")), &program);
    let first = sandbox();
    succeed(&mut command(&program, &first));
    let second = sandbox();
    let checked = succeed(&mut valgrind(&program, &second));
    assert_eq!(String::from_utf8_lossy(&checked.stderr), "");
    [first, second]
}

/// Runs a program of tests/abi under valgrind, over TLS.
fn run_over_tls(name: &str) {
    let scratch = Scratch::new(&format!("{name}-over-tls"));
    let program = scratch.path(name);
    compile(Language::C, "c11", &source(&format!("{name}.c")), &program);
    let sandbox = sandbox_with(Options {
        tls: true,
        ..Options::default()
    });
    let ca_file = scratch.write("ca.pem", sandbox.ca_pem().unwrap());
    let checked = succeed(valgrind(&program, &sandbox).env("KOODRIVE_CA_FILE", ca_file));
    assert_eq!(String::from_utf8_lossy(&checked.stderr), "");
}

#[test]
fn nulls() {
    run_program("nulls");
}

#[test]
fn walk() {
    run_program("walk");
}

#[test]
fn arrow() {
    run_program("arrow");
}

#[test]
fn walk_over_tls() {
    run_over_tls("walk");
}

#[test]
fn threads() {
    run_program("threads");
}

/// The C++ face, in each standard that it promises.
#[test]
fn cpp_api() {
    for standard in ["c++17", "c++20", "c++23"] {
        let scratch = Scratch::new(standard);
        let program = scratch.path("cpp_api");
        compile(Language::Cpp, standard, &source("cpp_api.cpp"), &program);
        succeed(&mut command(&program, &sandbox()));
        let checked = succeed(&mut valgrind(&program, &sandbox()));
        assert_eq!(String::from_utf8_lossy(&checked.stderr), "");
    }
}

#[test]
fn fork() {
    for sandbox in run_program("fork") {
        assert_eq!(sandbox.totals().deleted, 7);
        assert_eq!(
            sandbox.totals().connections,
            4,
            "one of the parent's, one of each child"
        );
    }
}

#[test]
fn fork_over_tls() {
    run_over_tls("fork");
}

#[test]
fn signals() {
    run_program("signals");
}

#[test]
fn scarcity() {
    let scratch = Scratch::new("scarcity");
    let program = scratch.path("scarcity");
    compile(Language::C, "c11", &source("scarcity.c"), &program);
    let sandbox = sandbox();
    // Under valgrind there are no threads to be had without its own pthread_create.
    succeed(
        command("sh", &sandbox)
            .args(["-c", "ulimit -n 64; exec \"$0\""])
            .arg(&program),
    );
}

#[test]
fn few_descriptors() {
    let scratch = Scratch::new("few_descriptors");
    let program = scratch.path("few_descriptors");
    compile(Language::C, "c11", &source("few_descriptors.c"), &program);
    let sandbox = Sandbox::start(Options {
        scopes: ScopeSource::Auto { count: 60_000 },
        ..Options::default()
    })
    .unwrap();
    succeed(
        command("sh", &sandbox)
            .args(["-c", "ulimit -n 24; exec \"$0\""])
            .arg(&program),
    );
    assert_eq!(sandbox.totals().deleted, 60_000);
}

#[test]
fn cancellation() {
    run_program("cancellation");
}

#[test]
fn abandoned() {
    let scratch = Scratch::new("abandoned");
    let program = scratch.path("abandoned");
    compile(Language::C, "c11", &source("abandoned.c"), &program);
    // Not under valgrind, which may leave no thread's place to another.
    succeed(&mut command(&program, &sandbox()));
}

/// Also that threads start whatever RUST_MIN_STACK says.
#[test]
fn environment() {
    let scratch = Scratch::new("environment");
    let program = scratch.path("environment");
    compile(Language::C, "c11", &source("environment.c"), &program);
    let plain = sandbox();
    let tls = sandbox_with(Options {
        tls: true,
        ..Options::default()
    });
    let ca_file = scratch.write("ca.pem", tls.ca_pem().unwrap());
    let nobody = "http://127.0.0.1:1";
    succeed(
        command(&program, &plain)
            .env("RUST_MIN_STACK", "1152921504606846976")
            .envs(["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, nobody)))
            .args([plain.url(), tls.url()])
            .arg(ca_file)
            .arg(nobody),
    );
}

#[test]
fn dlopen() {
    let scratch = Scratch::new("dlopen");
    let program = scratch.path("dlopen");
    compile(Language::C, "c11", &source("dlopen.c"), &program);
    succeed(Command::new(&program).arg(toolchain::library()));
}

#[test]
fn bad_input() {
    for sandbox in run_program("bad_input") {
        assert_eq!(sandbox.totals().connections, 0, "nothing is sent");
    }
}

/// The program that the README shows.
#[test]
fn readme() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let (_, rest) = readme
        .split_once("```c\n")
        .expect("the README shows a C program");
    let (program, _) = rest.split_once("```").unwrap();
    let example = Path::new(ROOT).join("examples/c/short.c");
    let text = fs::read_to_string(&example).unwrap();
    assert!(
        text.ends_with(program),
        "the README's program is examples/c/short.c"
    );
    let scratch = Scratch::new("readme");
    let binary = scratch.path("readme");
    compile(Language::C, "c11", &example, &binary);
    let sandbox = sandbox();
    let output = succeed(&mut command(&binary, &sandbox));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, "1842846715527000000: DELETED\n345: NOT_FOUND\n");
    let checked = succeed(&mut valgrind(&binary, &sandbox));
    assert_eq!(String::from_utf8_lossy(&checked.stderr), "");
}

/// The example takes ids from arguments, files and standard input, and its exit status says how it
/// went.
#[test]
fn example() {
    let scratch = Scratch::new("example");
    let program = scratch.path("delete_scopes");
    let source = Path::new(ROOT).join("examples/c/delete_scopes.c");
    compile(Language::C, "c11", &source, &program);
    let sandbox = sandbox();
    let file = scratch.write("ids", "1842846715527000001\n1842846715527000002\n");
    let run = |arguments: &[&str]| {
        let mut command = command(&program, &sandbox);
        command
            .args(["--device", "1"])
            .args(arguments)
            .stdin(fs::File::open(&file).unwrap());
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (
            output.status.code(),
            text,
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let file_name = file.to_str().unwrap();

    let (status, printed, _) = run(&["--dry-run", "345", "--file", file_name]);
    assert_eq!(status, Some(0));
    assert_eq!(printed, "3 ids in 1 requests; nothing was sent\n");
    assert_eq!(sandbox.totals().requests, 0);

    let (status, printed, _) = run(&["345", "--file", "-"]);
    assert_eq!(status, Some(0));
    assert_eq!(
        printed,
        "345                  NOT_FOUND  15000418  The backup scope does not exist.\n\
         1842846715527000001  DELETED    -         -\n\
         1842846715527000002  DELETED    -         -\n\
         3 ids: 2 DELETED 1 NOT_FOUND; requests: 1\n"
    );

    let (status, printed, _) = run(&["--quiet", "7", "8"]);
    assert_eq!(status, Some(1), "7 may still exist");
    assert_eq!(
        printed,
        "7  REJECTED   15000999  The scope is locked.\n2 ids: 1 NOT_FOUND 1 REJECTED; requests: 1\n"
    );

    let (status, _, complaint) = run(&["1842846715527366700VW5TYWZlSW50ZWdlcg=="]);
    assert_eq!(status, Some(2));
    assert!(complaint.contains("UnSafeInteger"), "{complaint}");

    let (status, _, complaint) = run(&["--user", "forbidden", "--device", "1", "9"]);
    assert_eq!(status, Some(3));
    assert!(complaint.contains("SERVICE"), "{complaint}");
}
