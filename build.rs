//! Generates the C header into the build's own folder, never into the source tree; a test compares
//! it with the committed one.

use std::path::{Path, PathBuf};
use std::{env, fs};

use cbindgen::{Builder, Config, DocumentationStyle, Language};

/// The header's sections: each type with its functions, domain types before the client that uses them.
const SECTIONS: [(&str, &str); 11] = [
    ("version", "Version"),
    ("status", "Statuses and outcomes"),
    ("error", "Errors"),
    ("config", "Config"),
    ("devices", "Devices"),
    ("scopes", "Scopes"),
    ("plan", "Plan"),
    ("event", "Events"),
    ("monitor", "Monitor"),
    ("result", "Result"),
    ("client", "Client"),
];

fn main() {
    println!("cargo::rerun-if-changed=src/ffi");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("koodrive.h"), header()).expect("OUT_DIR is writable");
}

fn header() -> String {
    let preamble = fs::read_to_string("src/ffi/preamble.h").expect("the preamble is committed");
    let arrow = fs::read_to_string("src/ffi/arrow/arrow.h").expect("the structs are committed");
    let sections = SECTIONS.map(|(file, title)| section(file, title));
    let postamble = "#ifdef __cplusplus\n}\n#endif\n\n#endif /* KOODRIVE_H */\n";
    format!("{preamble}\n{arrow}\n{}\n{postamble}", sections.join("\n"))
}

/// One file of `src/ffi` as C. cbindgen would sort all types before all functions.
fn section(file: &str, title: &str) -> String {
    let mut config = Config {
        language: Language::C,
        no_includes: true,
        documentation_style: DocumentationStyle::Doxy,
        style: cbindgen::Style::Type,
        usize_is_size_t: true,
        ..Config::default()
    };
    // By its tag, as the specification has it.
    let stream = (
        "ArrowArrayStream".to_owned(),
        "struct ArrowArrayStream".to_owned(),
    );
    config.export.rename.extend([stream]);
    let source = Path::new("src/ffi").join(file).with_extension("rs");
    let mut section = Vec::new();
    Builder::new()
        .with_config(config)
        .with_src(source)
        .generate()
        .expect("src/ffi holds what C can express")
        .write(&mut section);
    let section = String::from_utf8(section).expect("cbindgen writes UTF-8");
    let rule = "=".repeat(72 - title.len());
    format!("/* ==== {title} {rule} */\n\n{}\n", section.trim())
}
