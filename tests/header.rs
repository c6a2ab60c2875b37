//! `include/koodrive.h` is what `src/ffi` says, and C and C++ of every age take it.

mod toolchain;

use std::fs;
use std::path::Path;

use toolchain::{Language, Scratch};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include/koodrive.h");
const GENERATED: &str = concat!(env!("OUT_DIR"), "/koodrive.h");

/// `make header` runs this with KOODRIVE_UPDATE_HEADER set.
#[test]
fn drift() {
    let generated = fs::read_to_string(GENERATED).unwrap();
    if std::env::var_os("KOODRIVE_UPDATE_HEADER").is_some() {
        fs::write(COMMITTED, &generated).unwrap();
    }
    let committed = fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(
        committed == generated,
        "include/koodrive.h is stale: run `make header`"
    );
}

#[test]
fn it_compiles_alone_and_twice_in_every_standard() {
    for (language, standards) in [
        (Language::C, ["c99", "c11", "c17"]),
        (Language::Cpp, ["c++11", "c++17", "c++20"]),
    ] {
        check_alone_and_twice(language, &standards, "koodrive.h");
    }
}

#[test]
fn the_cpp_api_compiles_alone_and_twice_in_every_standard() {
    check_alone_and_twice(Language::Cpp, &["c++17", "c++20", "c++23"], "koodrive.hpp");
}

fn check_alone_and_twice(language: Language, standards: &[&str], header: &str) {
    let scratch = Scratch::new(header);
    let include = format!("#include <{header}>\n");
    for text in [include.clone(), include.repeat(2)] {
        let source = scratch.write(&format!("header.{}", language.extension()), &text);
        for standard in standards {
            toolchain::check_syntax(language, standard, &source);
        }
    }
}

#[test]
fn every_function_is_documented() {
    let header = fs::read_to_string(COMMITTED).unwrap();
    let lines: Vec<_> = header.lines().collect();
    let mut functions = 0;
    for (index, line) in lines.iter().enumerate() {
        let is_declaration =
            line.contains("koodrive_") && line.contains('(') && !line.starts_with([' ', '#', '/']);
        if is_declaration {
            functions += 1;
            assert_eq!(lines[index - 1].trim(), "*/", "no comment above: {line}");
        }
    }
    assert!(functions > 50, "{functions} functions were found");
}

#[test]
fn the_library_exports_the_headers_functions_and_nothing_else() {
    let library = toolchain::library();
    let header = fs::read_to_string(COMMITTED).unwrap();
    let output = toolchain::run_tool("nm", &["-D", "--defined-only"], &library);
    let mut exported: Vec<_> = output
        .lines()
        .filter_map(|line| line.split(' ').nth(2))
        .collect();
    exported.sort_unstable();
    let mut declared: Vec<_> = header
        .lines()
        .filter(|line| !line.trim_start().starts_with(['*', '/', '#']))
        .filter_map(|line| {
            let (before, _) = line.split_once('(')?;
            before.rsplit([' ', '*']).next()
        })
        // Members of structs that point to functions have none there.
        .filter(|name| !name.is_empty())
        .collect();
    declared.sort_unstable();
    assert_eq!(exported, declared);
}

#[test]
fn the_soname_carries_the_interfaces_major_version() {
    use koodrive::ffi::version::{KOODRIVE_ABI_VERSION_MAJOR, KOODRIVE_ABI_VERSION_MINOR};
    let dynamic = toolchain::run_tool("readelf", &["-d"], &toolchain::library());
    let soname = format!("Library soname: [libkoodrive.so.{KOODRIVE_ABI_VERSION_MAJOR}]");
    assert!(dynamic.contains(&soname), "{dynamic}");
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap();
    let (_, packaging) = manifest
        .split_once("[package.metadata.capi.library]")
        .unwrap();
    let version =
        format!("version = \"{KOODRIVE_ABI_VERSION_MAJOR}.{KOODRIVE_ABI_VERSION_MINOR}.0\"");
    assert!(packaging.contains(&version), "{packaging}");
}
