//! Settings are listed where people look for them: the C header, C++, Go, Python, the README. One table
//! says what they are, and every list has to agree with it.

use std::fs;
use std::path::Path;

struct Setting {
    /// As in C's `koodrive_config_set_NAME` and in Python.
    name: &'static str,
    /// The environment's, without `KOODRIVE_`.
    variable: &'static str,
    /// C++'s setter and Go's field.
    cpp: &'static str,
    go: &'static str,
    /// The default as the README writes it.
    default: &'static str,
}

const fn setting(
    name: &'static str,
    variable: &'static str,
    cpp: &'static str,
    go: &'static str,
    default: &'static str,
) -> Setting {
    Setting {
        name,
        variable,
        cpp,
        go,
        default,
    }
}

const SETTINGS: [Setting; 15] = [
    setting(
        "endpoint",
        "ENDPOINT",
        "endpoint",
        "Endpoint",
        "none, needed",
    ),
    setting("user_id", "USER_ID", "user_id", "UserID", "none"),
    setting(
        "access_token",
        "ACCESS_TOKEN",
        "access_token",
        "AccessToken",
        "one of three",
    ),
    setting(
        "authorization",
        "AUTHORIZATION",
        "authorization",
        "Authorization",
        "",
    ),
    setting("app_id", "APP_ID", "app_credentials", "AppID", ""),
    setting(
        "app_secret",
        "APP_SECRET",
        "app_credentials",
        "AppSecret",
        "",
    ),
    setting("ca_file", "CA_FILE", "ca_file", "CAFile", "the platform's"),
    setting("proxy", "PROXY", "proxy", "Proxy", "none"),
    setting(
        "connect_timeout_ms",
        "CONNECT_TIMEOUT_MS",
        "connect_timeout",
        "ConnectTimeout",
        "10000 ms",
    ),
    setting(
        "request_timeout_ms",
        "REQUEST_TIMEOUT_MS",
        "request_timeout",
        "RequestTimeout",
        "30000 ms",
    ),
    setting(
        "run_timeout_ms",
        "RUN_TIMEOUT_MS",
        "run_timeout",
        "RunTimeout",
        "0: none",
    ),
    setting(
        "max_outage_ms",
        "MAX_OUTAGE_MS",
        "max_outage",
        "MaxOutage",
        "60000 ms",
    ),
    setting(
        "max_attempts",
        "MAX_ATTEMPTS",
        "max_attempts",
        "MaxAttempts",
        "4 (1 to 100)",
    ),
    setting(
        "max_connections",
        "MAX_CONNECTIONS",
        "max_connections",
        "MaxConnections",
        "4 (1 to 1024)",
    ),
    setting(
        "max_requests_per_second",
        "MAX_REQUESTS_PER_SECOND",
        "max_requests_per_second",
        "MaxRequestsPerSecond",
        "0: no limit",
    ),
];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// The lines of a text that name something.
fn lines<'a>(text: &'a str, named: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(named)).collect()
}

#[test]
fn every_language_has_every_setting() {
    let header = read("include/koodrive.h");
    let cpp = read("include/koodrive.hpp");
    let go = read("bindings/go/config.go");
    let python = read("bindings/python/src/koodrive/_client.py");
    for setting in SETTINGS {
        let c_name = match setting.name {
            "app_id" | "app_secret" => "app_credentials",
            name => name,
        };
        let expected = [
            (&header, format!("koodrive_config_set_{c_name}(")),
            (&cpp, format!("Config &set_{}(", setting.cpp)),
            (&python, format!("        {}: ", setting.name)),
        ];
        for (text, named) in expected {
            assert!(!lines(text, &named).is_empty(), "{named:?} is missing");
        }
        let is_field = |line: &&str| {
            let mut words = line.split(|end: char| !end.is_alphanumeric());
            !line.trim_start().starts_with("//") && words.any(|word| word == setting.go)
        };
        assert!(
            go.lines().any(|line| is_field(&line)),
            "{} is missing",
            setting.go
        );
    }
    let setters = header
        .matches("koodrive_status koodrive_config_set_")
        .count();
    assert_eq!(setters, SETTINGS.len() - 1, "a setter is not in the table");
}

#[test]
fn every_list_of_variables_is_whole() {
    let lists = [
        "include/koodrive.h",
        "include/koodrive.hpp",
        "bindings/go/config.go",
        "bindings/python/src/koodrive/_client.py",
        "README.md",
    ];
    for path in lists {
        let text = read(path);
        for setting in SETTINGS {
            let variable = format!("KOODRIVE_{}", setting.variable);
            assert!(text.contains(&variable), "{path} does not name {variable}");
        }
    }
}

#[test]
fn the_readme_has_the_defaults() {
    let readme = read("README.md");
    for setting in SETTINGS {
        let variable = format!("`KOODRIVE_{}`", setting.variable);
        let rows = lines(&readme, &variable);
        let row = rows.iter().find(|line| line.starts_with('|'));
        let row = row.unwrap_or_else(|| panic!("no row for {variable}"));
        assert!(row.contains(setting.default), "{row}");
    }
}
