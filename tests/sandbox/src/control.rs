//! `/sandbox/*`: the sandbox's own interface for programs that aren't written in Rust.

use hyper::Method;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use serde_json::json;

use crate::answer::Reply;
use crate::faults::Rule;
use crate::request::query_value;
use crate::shared::Shared;

pub(crate) fn answer(shared: &Shared, head: &Parts, body: &Bytes) -> Reply {
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/sandbox/ledger") => ledger(shared, head),
        (&Method::GET, "/sandbox/scopes") => scopes(shared, head),
        (&Method::POST, "/sandbox/faults") => set_faults(shared, body),
        (&Method::POST, "/sandbox/reset") => {
            shared.change(|service| service.reset());
            Reply::empty(204)
        }
        _ => error(404, "there is no such page in the sandbox"),
    }
}

fn ledger(shared: &Shared, head: &Parts) -> Reply {
    let ledger = if query_value(&head.uri, "summary").is_some_and(|value| value == "1") {
        serde_json::to_vec(&json!({ "totals": shared.lock().book.totals }))
    } else {
        let ledger = shared.lock().book.snapshot();
        serde_json::to_vec(&ledger)
    };
    Reply::json(200, ledger.expect("a ledger has only string keys"))
}

fn scopes(shared: &Shared, head: &Parts) -> Reply {
    let user = query_value(&head.uri, "user");
    let device = query_value(&head.uri, "device");
    let (Some(user), Some(device)) = (user, device) else {
        return error(400, "both user and device are needed");
    };
    let scopes = shared.lock().scopes.list(&user, &device);
    let scopes = scopes.iter().flatten();
    let ids: Vec<_> = scopes.map(|scope| &scope.scope_id).collect();
    Reply::json(200, json!({ "scopes": ids }).to_string())
}

fn set_faults(shared: &Shared, body: &[u8]) -> Reply {
    match serde_json::from_slice::<Vec<Rule>>(body) {
        Ok(rules) => {
            shared.change(|service| service.set_faults(rules));
            Reply::empty(204)
        }
        Err(problem) => error(400, &problem.to_string()),
    }
}

fn error(status: u16, why: &str) -> Reply {
    Reply::json(status, json!({ "error": why }).to_string())
}
