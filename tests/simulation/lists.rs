//! What the service lists, and what goes wrong with it.

use fastrand::Rng;
use koodrive::error::ErrorKind;

use crate::answer::{Draft, Shape, scalar};
use crate::faults::{Fault, Meaning, Reply};
use crate::request::Listing;

/// The modules that the service has.
pub const MODULES: [&str; 3] = ["100", "101", "102"];

/// A request for a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub user: String,
    pub of: Listing,
}

/// What the service has, in its order.
#[derive(Clone, Debug)]
pub struct List {
    pub of: Listing,
    pub entries: Vec<Entry>,
    /// It stands twice in the answer.
    pub is_twice: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: Option<String>,
    /// Of a scope.
    pub module: Option<String>,
    /// A device's name or a scope's path.
    pub detail: String,
}

impl Reply {
    /// The answer that lists what there is.
    pub fn listed(list: List, random: &mut Rng) -> Self {
        let draft = Draft {
            status: 200,
            code: Some("0".into()),
            message: Some("success".into()),
            shape: Shape {
                null: random.bool(),
                object: random.bool(),
                numbers: random.u8(..) < 40,
                code_text: random.u8(..) < 40,
                extra: random.u8(..) < 40,
                gateway: false,
            },
            list: Some(list.clone()),
            ..Draft::default()
        };
        Self {
            draft,
            meaning: Meaning::Listed(list),
            cause: None,
        }
    }
}

/// What goes wrong with a list, and not with each answer.
pub fn spoil(fault: Fault, mut reply: Reply, list: List, random: &mut Rng) -> Reply {
    let entries = match &mut reply.draft.list {
        Some(list) => &mut list.entries,
        None => return reply,
    };
    let place = random.usize(..=entries.len());
    match fault {
        Fault::Stranger => {
            let module = match &list.of {
                Listing::Devices => None,
                Listing::Scopes { module, .. } => MODULES.iter().find(|other| *other != module),
            };
            let stranger = Entry {
                id: module.map(|_| "9000000000000000009".into()),
                module: module.map(|module| (*module).to_owned()),
                detail: "who?".into(),
            };
            entries.insert(place, stranger);
        }
        Fault::Omit => {
            let nameless = Entry {
                id: None,
                module: None,
                detail: "nameless".into(),
            };
            entries.insert(place, nameless);
        }
        Fault::Twice => {
            reply.draft.shape.null = false;
            reply.draft.list = Some(List {
                is_twice: true,
                ..list
            });
        }
        Fault::RefusalWithNames => {
            let statuses = [400, 402, 403, 404, 405, 429];
            let status = random.choice(statuses).unwrap_or(400);
            let mut refusal = Reply::refusal(status, "13000999", random);
            refusal.draft.raw = None;
            refusal.draft.list = Some(list);
            return refusal;
        }
        _ => return reply,
    }
    reply.distrusted(true, ErrorKind::InvalidResponse)
}

impl List {
    /// As the answer's member, or members.
    pub fn write(&self, shape: Shape) -> Vec<String> {
        let (name, id_name, detail_name) = match self.of {
            Listing::Devices => ("data", "deviceId", "deviceName"),
            Listing::Scopes { .. } => ("scopeList", "scopeId", "localPath"),
        };
        let entry = |entry: &Entry| {
            let mut parts = vec![format!(
                "\"{detail_name}\":{}",
                scalar(&entry.detail, false)
            )];
            if let Some(id) = &entry.id {
                parts.push(format!("\"{id_name}\":{}", scalar(id, shape.numbers)));
            }
            if let Some(module) = &entry.module {
                parts.push(format!("\"moduleCode\":{}", scalar(module, shape.numbers)));
            }
            format!("{{{}}}", parts.join(","))
        };
        let written = match (self.entries.as_slice(), shape.null, shape.object) {
            ([], true, true) => return Vec::new(),
            ([], true, false) => "null".to_owned(),
            ([], false, true) => "{}".to_owned(),
            (entries, _, _) => {
                let entries: Vec<_> = entries.iter().map(entry).collect();
                format!("[{}]", entries.join(","))
            }
        };
        let times = if self.is_twice { 2 } else { 1 };
        vec![format!("\"{name}\":{written}"); times]
    }
}
