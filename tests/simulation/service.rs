//! The simulated KooDrive: which scopes exist, who deleted them, and what it answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::lists::{Entry, List, MODULES, Query};
use crate::request::Listing;

/// The service's clock when a simulation begins.
const EPOCH: u64 = 1_762_153_300;
const MAX_AGE_SECONDS: u64 = 15 * 60;

pub const CODE_NOT_FOUND: &str = "15000418";
pub const CODE_REPEATED: &str = "15000424";
pub const CODE_BAD_PARAMETER: &str = "13000102";
pub const CODE_LOCKED: &str = "15000999";
const CODE_NO_DEVICE: &str = "15000404";

pub struct Service {
    pub groups: Vec<Group>,
    pub scopes: Vec<Scope>,
    /// The token or verbatim value that is good now; none where requests are signed.
    pub authorization: Option<String>,
    pub forbidden_user: Option<String>,
    /// How a wrong `X-Date` is refused.
    pub date_status: u16,
    pending: Vec<(Duration, Order)>,
    handled: HashMap<u64, Handled>,
}

/// A device of a user.
pub struct Group {
    pub user: String,
    pub device: String,
    index: HashMap<String, usize>,
}

pub struct Scope {
    pub group: usize,
    pub id: String,
    pub module: &'static str,
    pub nature: Nature,
    pub exists: bool,
    /// The run whose request deleted it.
    pub deleted_by: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    Ordinary,
    /// Spoils its whole request.
    Poisonous,
    /// Is refused on its own.
    Locked,
}

/// A request as it reaches the service.
pub struct Order {
    pub number: u64,
    pub run: usize,
    pub scopes: Arc<[usize]>,
    /// Of one that only reads.
    pub query: Option<Query>,
    pub x_date: u64,
    pub authorization: String,
    /// Whether it is carried out, whatever is answered.
    pub executes: bool,
}

/// What became of a request.
pub enum Handled {
    Refused { status: u16, code: &'static str },
    Done(Vec<Told>),
    Listed(List),
}

/// What an answer says of one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Deleted,
    Absent,
    Duplicate,
    Locked,
    /// Not named, or twice.
    Unclear,
}

impl Told {
    pub fn error_code(self) -> &'static str {
        match self {
            Self::Absent => CODE_NOT_FOUND,
            Self::Duplicate => CODE_REPEATED,
            _ => CODE_LOCKED,
        }
    }
}

impl Service {
    pub fn new() -> Self {
        Self {
            groups: Vec::new(),
            scopes: Vec::new(),
            authorization: None,
            forbidden_user: None,
            date_status: 401,
            pending: Vec::new(),
            handled: HashMap::new(),
        }
    }

    pub fn clock(now: Duration) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(EPOCH) + now
    }

    pub fn clock_seconds(now: Duration) -> u64 {
        EPOCH + now.as_secs()
    }

    /// Whether a service whose clock says `clock` takes this `X-Date`.
    pub fn is_lawful(x_date: u64, clock: u64) -> bool {
        (clock - MAX_AGE_SECONDS..=clock).contains(&x_date)
    }

    pub fn add_group(&mut self, user: &str, device: &str) -> usize {
        self.groups.push(Group {
            user: user.to_owned(),
            device: device.to_owned(),
            index: HashMap::new(),
        });
        self.groups.len() - 1
    }

    /// The scope; made known first if it is new.
    pub fn add_scope(&mut self, group: usize, id: &str, nature: Nature, exists: bool) -> usize {
        if let Some(known) = self.find(group, id) {
            return known;
        }
        let scope = self.scopes.len();
        self.groups[group].index.insert(id.to_owned(), scope);
        self.scopes.push(Scope {
            group,
            id: id.to_owned(),
            module: MODULES[scope % MODULES.len()],
            nature,
            exists,
            deleted_by: None,
        });
        scope
    }

    pub fn find_group(&self, user: &str, device: &str) -> Option<usize> {
        let same = |group: &Group| group.user == user && group.device == device;
        self.groups.iter().position(same)
    }

    pub fn find(&self, group: usize, id: &str) -> Option<usize> {
        self.groups[group].index.get(id).copied()
    }

    /// A request is on its way and will arrive then.
    pub fn post(&mut self, arrival: Duration, order: Order) {
        self.pending.push((arrival, order));
    }

    /// Handles what has arrived by now, in order. The runs and scopes of it.
    pub fn advance(&mut self, now: Duration) -> Vec<(usize, Arc<[usize]>)> {
        let mut arrived = Vec::new();
        loop {
            let first = (0..self.pending.len())
                .filter(|index| self.pending[*index].0 <= now)
                .min_by_key(|index| (self.pending[*index].0, self.pending[*index].1.number));
            let Some(first) = first else {
                return arrived;
            };
            let (arrival, order) = self.pending.swap_remove(first);
            let handled = self.handle(arrival, &order);
            self.handled.insert(order.number, handled);
            arrived.push((order.run, order.scopes));
        }
    }

    pub fn take_handled(&mut self, number: u64) -> Option<Handled> {
        self.handled.remove(&number)
    }

    fn handle(&mut self, now: Duration, order: &Order) -> Handled {
        let refused = |status, code| Handled::Refused { status, code };
        let good = self.authorization.as_ref();
        if good.is_some_and(|good| *good != order.authorization) {
            return refused(401, "APIGW.0301");
        }
        if !Self::is_lawful(order.x_date, Self::clock_seconds(now)) {
            return refused(self.date_status, "APIGW.0305");
        }
        let group = order.scopes.first().map(|scope| self.scopes[*scope].group);
        let asked = order.query.as_ref().map(|query| &query.user);
        let user = asked.or(group.map(|group| &self.groups[group].user));
        if user.is_some() && user == self.forbidden_user.as_ref() {
            return refused(403, "APIGW.0302");
        }
        if let Some(query) = &order.query {
            return self.list(query);
        }
        let poisonous = |scope: &usize| self.scopes[*scope].nature == Nature::Poisonous;
        if order.scopes.iter().any(poisonous) {
            return refused(400, CODE_BAD_PARAMETER);
        }
        let delete = |scope: &usize| {
            let scope = &mut self.scopes[*scope];
            match scope.nature {
                Nature::Locked => Told::Locked,
                _ if !scope.exists => Told::Absent,
                _ if !order.executes => Told::Unclear,
                _ => {
                    scope.exists = false;
                    scope.deleted_by = Some(order.run);
                    Told::Deleted
                }
            }
        };
        Handled::Done(order.scopes.iter().map(delete).collect())
    }

    /// What there is at this moment.
    fn list(&self, query: &Query) -> Handled {
        let refused = |status, code| Handled::Refused { status, code };
        let entries = match &query.of {
            Listing::Devices => self.devices(&query.user),
            Listing::Scopes { module, .. } if !MODULES.contains(&module.as_str()) => {
                return refused(400, CODE_BAD_PARAMETER);
            }
            Listing::Scopes { device, module } => match self.find_group(&query.user, device) {
                Some(group) => self.scopes_of(group, module),
                None => return refused(404, CODE_NO_DEVICE),
            },
        };
        Handled::Listed(List {
            of: query.of.clone(),
            entries,
            is_twice: false,
        })
    }

    fn devices(&self, user: &str) -> Vec<Entry> {
        let groups = self.groups.iter().filter(|group| group.user == user);
        let entry = |group: &Group| Entry {
            id: Some(group.device.clone()),
            module: None,
            detail: format!("the phone {}", group.device),
        };
        groups.map(entry).collect()
    }

    fn scopes_of(&self, group: usize, module: &str) -> Vec<Entry> {
        let is_listed =
            |scope: &&Scope| scope.group == group && scope.module == module && scope.exists;
        let entry = |scope: &Scope| Entry {
            id: Some(scope.id.clone()),
            module: Some(module.to_owned()),
            detail: format!("/{module}/{}", scope.id),
        };
        self.scopes.iter().filter(is_listed).map(entry).collect()
    }
}
