//! The caller who asks for lists: which, when, and what the client makes of it.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fastrand::Rng;
use koodrive::client::Client;
use koodrive::error::Error;
use koodrive::monitor::Monitor;

use crate::lists::{Entry, MODULES, Query};
use crate::network::Sim;
use crate::reading::Returned;
use crate::request::Listing;
use crate::scenario::{DEFAULT_USER, foresee_cancels};
use crate::service::Service;

/// When nothing fails any more, a call may still have to learn the clock, in which an earlier date misled it.
const MOST_CALLS: usize = 5;

/// The arguments of a reading call.
pub struct Question {
    user: Option<String>,
    /// None for a list of devices.
    device: Option<String>,
    module: Option<&'static str>,
}

impl Question {
    pub fn choose(service: &Service, random: &mut Rng) -> Self {
        let group = random.choice(&service.groups);
        let (user, device) = match group {
            Some(group) if random.u8(..) < 240 => (group.user.as_str(), group.device.as_str()),
            _ => ("nobody", "nothing"),
        };
        let module = match random.u8(..) {
            0..120 => None,
            120..240 => random.choice(MODULES),
            _ => random.choice(["103", "a+b&c=d%"]),
        };
        Self {
            user: (user != DEFAULT_USER || random.bool()).then(|| user.to_owned()),
            device: (random.u8(..) < 170).then(|| device.to_owned()),
            module,
        }
    }

    fn queries(&self) -> Vec<Query> {
        let query = |of| Query {
            user: self.user.as_deref().unwrap_or(DEFAULT_USER).to_owned(),
            of,
        };
        let Some(device) = &self.device else {
            return vec![query(Listing::Devices)];
        };
        let modules = self.module.map_or(MODULES.to_vec(), |module| vec![module]);
        let scopes = |module: &str| Listing::Scopes {
            device: device.clone(),
            module: module.to_owned(),
        };
        modules
            .into_iter()
            .map(|module| query(scopes(module)))
            .collect()
    }

    fn put(&self, client: &Client, monitor: &Monitor) -> Result<Vec<Entry>, Error> {
        let user = self.user.as_deref();
        let Some(device) = &self.device else {
            let list = client.list_devices(user, Some(monitor))?;
            let entry = |index| entry(list.device_id(index), None, list.name(index));
            return Ok((0..list.count()).map(entry).collect());
        };
        let list = client.list_scopes(user, device, self.module, Some(monitor))?;
        let entry = |index| {
            let module = list.module_code(index);
            entry(list.scope_id(index), module, list.local_path(index))
        };
        Ok((0..list.count()).map(entry).collect())
    }
}

fn entry(id: Option<&CStr>, module: Option<&CStr>, detail: Option<&CStr>) -> Entry {
    let text = |text: &CStr| text.to_string_lossy().into_owned();
    Entry {
        id: id.map(text),
        module: module.map(text),
        detail: detail.map(text).unwrap_or_default(),
    }
}

/// One reading call, which may be cancelled.
pub fn ask(sim: &Arc<Sim>, client: &Client, question: &Question) {
    let run = begin(sim, question);
    foresee_cancels(sim, run);
    call(sim, client, run, question);
}

fn begin(sim: &Sim, question: &Question) -> usize {
    let now = sim.world.now();
    let run = sim.stage().watch.begin_reading(question.queries(), now);
    sim.world.begin_run(run);
    run
}

/// The call itself, checked; whether it returned a list.
fn call(sim: &Sim, client: &Client, run: usize, question: &Question) -> bool {
    let monitor = sim.stage().watch.run(run).monitor.clone();
    // Where C calls it, the library catches a panic there.
    let returned = match catch_unwind(AssertUnwindSafe(|| question.put(client, &monitor))) {
        Ok(Ok(entries)) => Returned::List(entries),
        Ok(Err(error)) => Returned::Error(error),
        Err(_) => Returned::Panicked,
    };
    sim.advance();
    let is_list = matches!(returned, Returned::List(_));
    sim.world.note("end", run as u64, || match &returned {
        Returned::List(entries) => format!("of call {run}: a list of {}", entries.len()),
        Returned::Error(error) => format!("of call {run}: {error:?}"),
        Returned::Panicked => format!("of call {run}: a panic"),
    });
    let now = sim.world.now();
    sim.stage().watch.finish_reading(run, &returned, now);
    is_list
}

/// Nothing fails any more: what there is is listed.
pub fn ask_in_calm_weather(sim: &Sim, client: &Client, random: &mut Rng) {
    let question = {
        let stage = sim.stage();
        Question {
            module: None,
            ..Question::choose(&stage.service, random)
        }
    };
    let is_known = {
        let service = &sim.stage().service;
        let user = question.user.as_deref().unwrap_or(DEFAULT_USER);
        let is_there = |device: &String| service.find_group(user, device).is_some();
        question.device.as_ref().is_none_or(is_there)
    };
    let is_listed = (0..MOST_CALLS).any(|_| call(sim, client, begin(sim, &question), &question));
    if is_listed != is_known {
        let what = format!("{:?} is listed: {is_listed}", question.queries());
        sim.stage().watch.violation(what);
    }
}
