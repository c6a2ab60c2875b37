//! The API reference's rules: what a request may do, what it does, what it is answered.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hashbrown::HashSet;
use hyper::Method;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use crate::access::{Access, Denied};
use crate::answer::{Answer, Failure, Reply};
use crate::clock;
use crate::faults::{Fault, Rule, Silence};
use crate::id::Id;
use crate::inventory::{self, DeviceDetails};
use crate::ledger::{Book, Deleted, Fate};
use crate::limit::Bucket;
use crate::options::{DateHeader, Options};
use crate::request::{Received, Resource, header, ids_in, query_value};
use crate::scopes::Scopes;
use crate::signature::Signed;
use crate::wire::Pace;

const MAX_IDS: usize = 100;

/// Codes of the sandbox's own, for the API reference names none.
const UNKNOWN_USER: u32 = 15000403;
const UNKNOWN_DEVICE: u32 = 15000404;

/// KooDrive: all that it knows and remembers.
pub(crate) struct Service {
    options: Options,
    access: Access,
    pub scopes: Scopes,
    faults: Vec<Rule>,
    /// From when on their times count.
    faults_since: Instant,
    bucket: Option<Bucket>,
    pub book: Book,
    /// Sets this sandbox's request ids apart from any other's.
    instance: u128,
    replies: u64,
}

/// The scopes at the start.
fn scopes(options: &Options) -> Scopes {
    let mut scopes = Scopes::new(&options.scopes);
    for (user, devices) in &options.deleted {
        for (device, ids) in devices {
            if let Some(device) = scopes.device_mut(user, device) {
                for id in ids {
                    device.delete(id);
                }
            }
        }
    }
    scopes
}

/// What leaves the service.
pub(crate) struct Outgoing {
    pub latency: Duration,
    pub answer: Result<(Reply, Pace), Silence>,
}

/// What the service made of a request.
enum Handled {
    Untouched,
    Refused(Reply),
    Listed {
        name: &'static str,
        entries: Vec<Value>,
    },
    Deleted {
        asked: Vec<Id>,
        answer: Answer,
        deleted: Deleted,
    },
}

impl Service {
    pub fn new(options: Options) -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            access: Access::new(&options),
            scopes: scopes(&options),
            faults: options.faults.clone(),
            faults_since: Instant::now(),
            bucket: options.rate_limit.as_ref().map(Bucket::new),
            book: Book::default(),
            instance: since_1970.map_or(0, |age| age.as_nanos()),
            replies: 0,
            options,
        }
    }

    /// Makes everything as it was at the start, but for the connections that are open.
    pub fn reset(&mut self) {
        self.access = Access::new(&self.options);
        self.scopes = scopes(&self.options);
        self.set_faults(self.options.faults.clone());
        self.bucket = self.options.rate_limit.as_ref().map(Bucket::new);
        self.book.clear();
    }

    /// These faults from here on, in place of those before.
    pub fn set_faults(&mut self, rules: Vec<Rule>) {
        self.faults = rules;
        self.faults_since = Instant::now();
    }

    /// Takes in a whole request: executes it, records it, and says how it is answered.
    pub fn receive(&mut self, connection: u64, head: &Parts, body: &Bytes) -> Outgoing {
        let received = Received::new(head, body);
        let request_id = self.new_request_id();
        let fault = self.fault_for(&received);
        let fault = fault.as_ref();
        let handled = if fault.is_none_or(Fault::lets_execute) {
            self.handle(head, &received, &request_id)
        } else {
            Handled::Untouched
        };
        let (executed, deleted) = match &handled {
            Handled::Deleted { deleted, .. } => (true, *deleted),
            Handled::Listed { .. } => (true, Deleted::default()),
            Handled::Refused(_) | Handled::Untouched => (false, Deleted::default()),
        };
        let answer = match fault.and_then(Fault::silence) {
            Some(silence) => Err(silence),
            None => Ok(self.answer(handled, fault, &request_id)),
        };
        let fate = Fate {
            status: answer.as_ref().ok().map(|(reply, _)| reply.status),
            fault: fault.map(Fault::name),
            executed,
            deleted,
        };
        self.book.record(connection, received, fate);
        Outgoing {
            latency: self.latency(fault),
            answer,
        }
    }

    fn new_request_id(&mut self) -> String {
        self.replies += 1;
        format!("{:x}-{:x}", self.instance, self.replies)
    }

    /// What befalls a request: by the rate limit, or by a rule.
    fn fault_for(&mut self, received: &Received) -> Option<Fault> {
        if let (Some(bucket), Some(limit)) = (&mut self.bucket, &self.options.rate_limit)
            && !bucket.admit(limit)
        {
            return Some(Fault::Status {
                status: 429,
                retry_after: limit.retry_after.clone(),
                body: None,
                content_type: None,
            });
        }
        let sequence = self.book.next_sequence();
        let (user, device) = (received.user.as_deref(), received.device.as_deref());
        let mut rules = self.faults.iter();
        let age = self.faults_since.elapsed();
        let covers = |rule: &&Rule| rule.requests.covers(sequence, user, device, age);
        let rule = rules.find(covers)?;
        Some(rule.fault.clone())
    }

    fn handle(&mut self, head: &Parts, received: &Received, request_id: &str) -> Handled {
        let gateway = |status, why| Reply::gateway(status, request_id, why);
        let allowed: &[Method] = match received.resource() {
            None => return Handled::Refused(gateway(404, "The API does not exist")),
            Some(Resource::Devices) => &[Method::GET],
            Some(Resource::Scopes) => &[Method::DELETE, Method::GET],
        };
        if !allowed.contains(&received.method) {
            let mut reply = gateway(405, "The request method is not allowed");
            let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
            reply.header("allow", Some(&names.join(", ")));
            return Handled::Refused(reply);
        }
        let user = match self.admit(head, received, request_id) {
            Ok(user) => user,
            Err(refusal) => return Handled::Refused(refusal),
        };
        match &received.device {
            None => self.list_devices(user),
            Some(device) if received.method == Method::GET => self.list_scopes(user, device, head),
            Some(device) => self.delete(user, device, head, &received.body),
        }
    }

    /// Checks the headers that every call needs; says which user it is for.
    fn admit<'a>(
        &mut self,
        head: &Parts,
        received: &'a Received,
        request_id: &str,
    ) -> Result<&'a str, Reply> {
        let unauthenticated = |status, what: &str| Reply::unauthenticated(status, request_id, what);
        let Some(authorization) = header(&head.headers, "authorization") else {
            return Err(unauthenticated(401, "authorization is missing"));
        };
        let x_date = received.x_date.as_deref().unwrap_or_default();
        if !clock::accepts(self.now(), x_date) {
            let what = format!("x-date {x_date:?} is not within the last 15 minutes");
            return Err(unauthenticated(self.options.x_date_status, &what));
        }
        let Some(user) = &received.user else {
            return Err(Reply::parameter_check_failed());
        };
        let signed = Signed {
            method: received.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            host: &header(&head.headers, "host").unwrap_or_default(),
            x_date,
            user,
            body: &received.body,
        };
        match self.access.admit(&authorization, &signed) {
            Ok(()) => Ok(user),
            Err(Denied::Unauthorized) => Err(unauthenticated(401, "authorization is not valid")),
            Err(Denied::Forbidden) => {
                let why = "The user is not authorized to access the API";
                Err(Reply::gateway(403, request_id, why))
            }
        }
    }

    fn delete(&mut self, user: &str, device: &str, head: &Parts, body: &[u8]) -> Handled {
        let asked = match ids_in(body) {
            Some(ids) if is_json(head) && self.takes(&ids) => ids,
            _ => return Handled::Refused(Reply::parameter_check_failed()),
        };
        let mut device = self.scopes.device_mut(user, device);
        let mut answer = Answer::with_capacity(asked.len());
        let mut deleted = Deleted::default();
        let repeated = repeated(&asked);
        for (index, id) in asked.iter().enumerate() {
            if repeated[index] {
                answer.name_failed(id.clone(), Failure::repeated());
            } else if let Some(rejection) = self.options.rejected_ids.get(id) {
                answer.name_failed(id.clone(), Failure::from(rejection));
            } else if device.as_mut().is_some_and(|device| device.delete(id)) {
                deleted.insert(index);
                answer.name_deleted(id.clone());
            } else {
                answer.name_failed(id.clone(), Failure::not_found());
            }
        }
        Handled::Deleted {
            asked,
            answer,
            deleted,
        }
    }

    fn takes(&self, ids: &[Id]) -> bool {
        let poison = &self.options.poison_ids;
        (1..=MAX_IDS).contains(&ids.len())
            && ids.iter().all(Id::is_valid)
            && !ids.iter().any(|id| poison.contains(id))
    }

    fn list_devices(&self, user: &str) -> Handled {
        let Some(devices) = self.scopes.devices(user) else {
            return Handled::Refused(Reply::unknown(UNKNOWN_USER, "The user does not exist."));
        };
        let entry = |(id, details): (String, DeviceDetails)| {
            let mut entry = json!(details);
            entry["deviceId"] = id.into();
            entry
        };
        Handled::Listed {
            name: "data",
            entries: devices.into_iter().map(entry).collect(),
        }
    }

    fn list_scopes(&self, user: &str, device: &str, head: &Parts) -> Handled {
        let module_code = query_value(&head.uri, "moduleCode").unwrap_or_default();
        if !["100", "101", "102"].contains(&module_code.as_str()) {
            return Handled::Refused(Reply::parameter_check_failed());
        }
        let Some(scopes) = self.scopes.list(user, device) else {
            return Handled::Refused(Reply::unknown(UNKNOWN_DEVICE, "The device does not exist."));
        };
        let scopes = scopes
            .iter()
            .filter(|scope| scope.module_code == module_code);
        Handled::Listed {
            name: "scopeList",
            entries: scopes.map(|scope| json!(scope)).collect(),
        }
    }

    /// The reply with all its headers, and how fast it goes out.
    fn answer(&self, handled: Handled, fault: Option<&Fault>, request_id: &str) -> (Reply, Pace) {
        let own = match handled {
            Handled::Untouched => None,
            Handled::Refused(reply) => Some(reply),
            Handled::Listed { name, entries } => {
                let shape = fault.and_then(Fault::shape);
                let answer = inventory::answer(name, entries, shape);
                Some(Reply::json(200, answer.to_string()))
            }
            Handled::Deleted {
                asked, mut answer, ..
            } => {
                if let Some(fault) = fault {
                    fault.distort(&mut answer, &asked);
                }
                Some(answer.reply())
            }
        };
        let instead = fault.and_then(|fault| fault.reply(request_id));
        let mut reply = instead.or(own).unwrap_or_else(|| Reply::empty(500));
        reply.header("x-request-id", Some(request_id));
        match &self.options.date {
            DateHeader::Clock => reply.header("date", Some(&clock::http_date(self.now()))),
            DateHeader::Verbatim(text) => reply.header("date", Some(text)),
            DateHeader::Omitted => {}
        }
        (reply, fault.map_or(Pace::Whole, Fault::pace))
    }

    fn latency(&self, fault: Option<&Fault>) -> Duration {
        Duration::from_millis(self.options.latency_ms)
            + fault.map_or(Duration::ZERO, Fault::latency)
    }

    fn now(&self) -> i64 {
        clock::now(self.options.clock_skew_s)
    }
}

fn is_json(head: &Parts) -> bool {
    let content_type = header(&head.headers, "content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}

/// Which ids are asked for again further on. As on the API reference, those are the repeats and the last one
/// has its fate.
fn repeated(ids: &[Id]) -> Vec<bool> {
    let mut seen = HashSet::with_capacity(ids.len());
    let mut repeated: Vec<_> = ids.iter().rev().map(|id| !seen.insert(id)).collect();
    repeated.reverse();
    repeated
}
