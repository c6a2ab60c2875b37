//! Compiles and runs C and C++ programs against the built library, as its users do.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

#[derive(Clone, Copy)]
pub enum Language {
    C,
    Cpp,
}

impl Language {
    pub fn extension(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cpp => "cpp",
        }
    }

    fn compiler(self) -> Command {
        let (variable, default) = match self {
            Self::C => ("CC", "cc"),
            Self::Cpp => ("CXX", "c++"),
        };
        Command::new(env::var_os(variable).unwrap_or_else(|| default.into()))
    }
}

/// Where `make library` leaves what C programs link.
pub fn release_folder() -> PathBuf {
    match env::var_os("KOODRIVE_RELEASE") {
        Some(folder) => folder.into(),
        None => Path::new(ROOT).join("target/release"),
    }
}

pub fn library() -> PathBuf {
    let library = release_folder().join("libkoodrive.so");
    assert!(
        library.exists(),
        "{} is missing: run `make` first",
        library.display()
    );
    library
}

/// A folder that ends with the test.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("koodrive-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn check_syntax(language: Language, standard: &str, source: &Path) {
    let mut compiler = language.compiler();
    compiler.args(WARNINGS).arg(format!("-std={standard}"));
    compiler
        .arg("-fsyntax-only")
        .arg("-I")
        .arg(include())
        .arg(source);
    succeed(&mut compiler);
}

/// Compiles a program and links it with the shared library.
pub fn compile(language: Language, standard: &str, source: &Path, program: &Path) {
    let mut compiler = language.compiler();
    compiler
        .args(WARNINGS)
        .arg(format!("-std={standard}"))
        .args(["-g", "-pthread", "-rdynamic"]);
    compiler
        .arg("-I")
        .arg(include())
        .arg(source)
        .arg("-o")
        .arg(program)
        .arg(library());
    compiler.arg(format!("-Wl,-rpath,{}", release_folder().display()));
    succeed(&mut compiler);
}

/// Runs a tool on a file; its output.
pub fn run_tool(tool: &str, arguments: &[&str], file: &Path) -> String {
    let output = succeed(Command::new(tool).args(arguments).arg(file));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must succeed.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("can't run {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn include() -> PathBuf {
    Path::new(ROOT).join("include")
}
