//! A service that echoes what authorizes the request: the secret is in no text of ours.

use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::error::Error;
use koodrive::event::Event;
use koodrive::monitor::Monitor;
use koodrive::report::Report;

use crate::answers::{framed, raw};
use crate::client::{
    Call, Run, client, config, delete_watched, delete_with, list_devices, list_scopes, text,
};
use crate::peer::{Over, Peer, Request};

type Authorize = fn(&mut Config);

/// The ways to authorize, and what is secret in each.
fn authorizations() -> Vec<(Authorize, Vec<&'static str>)> {
    vec![
        (
            |config| config.set_access_token("token-Hc4Xq").expect("a token"),
            vec!["token-Hc4Xq"],
        ),
        (
            |config| {
                config
                    .set_access_token(r#"quo"ted\Hc4Xq"#)
                    .expect("a token")
            },
            vec!["Hc4Xq"],
        ),
        (
            |config| {
                config
                    .set_authorization("Basic dXNlcjpwYXNz")
                    .expect("a value")
            },
            vec!["dXNlcjpwYXNz"],
        ),
        (
            |config| {
                config
                    .set_app_credentials("app", "app-secret-Hc4Xq")
                    .expect("an app")
            },
            vec!["app-secret-Hc4Xq", "Signature="],
        ),
    ]
}

/// Answers that hold `echo`, the whole value of the request's Authorization header, everywhere.
fn echoes(echo: &str) -> Vec<(&'static str, Vec<u8>)> {
    let text = serde_json::to_string(echo).expect("a string");
    let id = format!("X-Request-Id: {echo}\r\n");
    let json = |body: String| framed("200 OK", &id, body.replace("ECHO", &text));
    vec![
        ("msg", json(r#"{"code":7,"msg":ECHO}"#.into())),
        ("code", json(r#"{"code":ECHO,"msg":"m"}"#.into())),
        (
            "an id's",
            json(
                r#"{"code":0,"failedScopeList":[{"scopeId":"1","errorCode":ECHO,"msg":ECHO}]}"#
                    .into(),
            ),
        ),
        (
            "a stranger",
            json(r#"{"code":0,"scopeIdList":[ECHO]}"#.into()),
        ),
        (
            "what is said of a device or a scope",
            json(
                r#"{"code":0,"data":[{"deviceId":"1","deviceName":ECHO,"deviceOS":ECHO,
                "machineCode":ECHO,"createTime":ECHO}],"scopeList":[{"scopeId":"1","localPath":ECHO,
                "targetFolderPath":ECHO,"createTime":ECHO}]}"#
                    .into(),
            ),
        ),
        (
            "an id that can't be used",
            json(
                r#"{"code":0,"data":[{"deviceId":[ECHO]}],"scopeList":[{"scopeId":ECHO}]}"#.into(),
            ),
        ),
        (
            "a module that was not asked for",
            json(r#"{"code":0,"scopeList":[{"scopeId":"1","moduleCode":ECHO}]}"#.into()),
        ),
        (
            "a string as a list of what there is",
            json(r#"{"code":0,"data":ECHO,"scopeList":ECHO}"#.into()),
        ),
        (
            "a field",
            json(r#"{"code":0,ECHO:ECHO,"scopeIdList":[]}"#.into()),
        ),
        ("a string", json("ECHO".into())),
        (
            "a string as a list",
            json(r#"{"code":0,"scopeIdList":ECHO}"#.into()),
        ),
        (
            "a string as an entry",
            json(r#"{"code":0,"failedScopeList":[ECHO]}"#.into()),
        ),
        (
            "a string as an object",
            json(r#"{"code":0,"failedScopeList":ECHO}"#.into()),
        ),
        ("text", json(echo.to_owned())),
        (
            "the gateway's",
            framed(
                "401 Unauthorized",
                &id,
                r#"{"error_code":ECHO,"error_msg":ECHO}"#.replace("ECHO", &text),
            ),
        ),
        (
            "the reason",
            raw(
                &format!("400 {echo}"),
                &format!("{id}Content-Length: 0\r\n"),
                "",
            ),
        ),
        (
            "the location",
            raw(
                "302 X",
                &format!("{id}Location: {echo}\r\nContent-Length: 0\r\n"),
                "",
            ),
        ),
        (
            "the length",
            raw("200 OK", &format!("{id}Content-Length: {echo}\r\n"), ""),
        ),
        (
            "the coding",
            raw("200 OK", &format!("{id}Transfer-Encoding: {echo}\r\n"), ""),
        ),
        ("no head", format!("{echo}\r\n\r\n").into_bytes()),
        (
            "the version",
            format!("HTTP/{echo} 200 OK\r\n\r\n").into_bytes(),
        ),
        (
            "a header's name",
            raw("200 OK", &format!("{echo}: x\r\n"), ""),
        ),
    ]
}

/// All texts of a run.
fn texts(run: &Run) -> String {
    let of_id = |report: &Report| {
        let text = |text: Option<&std::ffi::CStr>| format!("{text:?}");
        text(report.message(0)) + &text(report.service_code(0))
    };
    of_id(&run.report) + &run.error.as_ref().map(error_texts).unwrap_or_default()
}

/// All texts of an error; Debug would escape what it shows.
fn error_texts(error: &Error) -> String {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        error.message.clone(),
        optional(&error.service_code),
        optional(&error.request_id),
    ]
    .join("\n")
}

/// All texts of an event.
fn event_texts(event: Event) -> String {
    let mut texts = vec![event.message.into_owned()];
    texts.extend(event.request_id);
    if let Some(name) = event.request {
        let ids = [Some(name.user_id), name.device_id, name.first_scope_id];
        texts.extend(ids.map(|id| text(id.as_deref())));
    }
    for text in &texts {
        assert!(text.len() <= 512, "{text}");
    }
    texts.join("\n")
}

/// All texts of what a call came to, and of its events.
fn texts_of(call: Call, client: &Client) -> String {
    let monitor = Monitor::default();
    monitor.keep_events(100).expect("a number");
    let texts = texts_watched(call, client, &monitor);
    let events: Vec<_> = std::iter::from_fn(|| monitor.next_event()).collect();
    assert!(!events.is_empty(), "{call:?} tells nothing");
    events.into_iter().map(event_texts).collect::<String>() + &texts
}

fn texts_watched(call: Call, client: &Client, monitor: &Monitor) -> String {
    let monitor = Some(monitor);
    let texts = match call {
        Call::Delete => Ok(texts(&delete_watched(client, &["1"], monitor))),
        Call::ListDevices => list_devices(client, monitor).map(|list| {
            let texts = |index| {
                let [id, name] = [list.device_id(index), list.name(index)];
                let [os, code] = [list.os(index), list.machine_code(index)];
                [id, name, os, code, list.created_at(index)].map(text)
            };
            (0..list.count()).flat_map(texts).collect()
        }),
        Call::ListScopes => list_scopes(client, monitor).map(|list| {
            let texts = |index| {
                let [id, path] = [list.scope_id(index), list.local_path(index)];
                let [module, folder] = [list.module_code(index), list.target_folder_path(index)];
                [id, path, module, folder, list.created_at(index)].map(text)
            };
            (0..list.count()).flat_map(texts).collect()
        }),
    };
    texts.unwrap_or_else(|error| error_texts(&error))
}

#[test]
fn echoed() {
    for (authorize, secrets) in authorizations() {
        for index in 0..echoes("").len() {
            let peer = Peer::start(Over::Plain, move |mut visit| {
                let echo = |request: &Request| request.header("authorization").map(str::to_owned);
                if let Some(echo) = visit.request().as_ref().and_then(echo) {
                    visit.send(&echoes(&echo)[index].1);
                    visit.close();
                }
            });
            let mut config = config(&peer);
            authorize(&mut config);
            for (before, call) in Call::ALL.into_iter().enumerate() {
                let texts = texts_of(call, &client(&config)).replace("Signature=***", "");
                assert_eq!(peer.requests().len(), before + 1);
                for secret in &secrets {
                    let case = format!("{call:?}: {}", echoes("")[index].0);
                    assert!(!texts.contains(secret), "{case} shows {secret:?}: {texts}");
                }
            }
        }
    }
}

/// An answer's words are bounded, whatever it holds.
#[test]
fn endless_words() {
    let words = "x".repeat(1 << 20);
    for body in [
        format!(r#"{{"code":7,"msg":"{words}"}}"#),
        format!(r#"{{"code":"{words}"}}"#),
        format!(r#""{words}""#),
        format!(r#"{{"code":0,"scopeIdList":"{words}"}}"#),
        format!(r#"{{"code":0,"scopeIdList":["{words}"]}}"#),
        format!(r#"{{"code":0,"data":"{words}","scopeList":"{words}"}}"#),
        format!(
            r#"{{"code":0,"data":[{{"deviceId":"{words}"}}],"scopeList":[{{"scopeId":"{words}"}}]}}"#
        ),
        format!(r#"{{"code":0,"scopeList":[{{"scopeId":"1","moduleCode":"{words}"}}]}}"#),
    ] {
        let peer = Peer::start(Over::Plain, move |mut visit| {
            while visit.request().is_some() {
                let id = format!("X-Request-Id: {}\r\n", "x".repeat(8_000));
                visit.send(framed("200 OK", &id, &body));
            }
        });
        let client = client(&config(&peer));
        for call in Call::ALL {
            let length = texts_of(call, &client).len();
            assert!(length < 20_000, "{call:?}: {length} bytes of text");
        }
    }
}

/// A token that was replaced may be good still, and so may the signature of a request before.
#[test]
fn earlier_secrets_are_redacted() {
    const TOKENS: [&str; 4] = ["old-Hc4Xq", "old-Hc4Xq-longer", "old", "new-Hc4Xq-longer"];
    let text = format!(
        "{} Signature=0123456789abcdef Signature=***",
        TOKENS.map(|token| format!("[{token}]")).join(" ")
    );
    let answer = format!(r#"{{"code":7,"msg":"{text}"}}"#);
    let peer = Peer::start(Over::Plain, move |mut visit| {
        while visit.request().is_some() {
            visit.send(framed("400 Bad Request", "", &answer));
        }
    });
    let client = client(&config(&peer));
    for token in TOKENS {
        client.set_access_token(token).expect("a token");
    }
    let run = delete_with(&client, &["1"]);
    let shown = "[***] [***] [***] [***] Signature=*** Signature=***";
    let message = run.report.message(0).expect("a message");
    assert_eq!(message.to_str(), Ok(shown));
    assert!(run.message().contains(shown), "{}", run.message());
}
