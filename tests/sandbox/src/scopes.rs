//! Which scopes exist: those there were at the start, less those deleted since.

use std::collections::HashMap;

use serde::Deserialize;

use crate::id::{Id, IdSet};
use crate::inventory::{self, DeviceDetails, Scope};

const FIRST_USER: u64 = 1_505_084_218_764_547_200;
const FIRST_DEVICE: u64 = 1_842_812_272_691_451_648;
const FIRST_SCOPE: u64 = 1_842_846_715_527_000_000;

/// Where every id exists, not all can be listed: so many are.
const LISTED_OF_EVERYTHING: u64 = 10;

/// The id of the `n`th generated user: 1505084218764547200 + n.
pub fn generated_user_id(n: u64) -> String {
    (FIRST_USER + n).to_string()
}

/// The id of the `n`th generated device: 1842812272691451648 + n, the same for every user.
pub fn generated_device_id(n: u64) -> String {
    (FIRST_DEVICE + n).to_string()
}

/// The id of the `n`th generated scope: 1842846715527000000 + n, the same for every device.
pub fn generated_scope_id(n: u64) -> String {
    (FIRST_SCOPE + n).to_string()
}

/// The scopes that exist at the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScopeSource {
    /// Every id exists, on every device of every user, until it has been deleted once.
    Everything,
    /// Every user has every device, each with the first `count` generated scopes.
    Auto {
        /// Scopes a device.
        count: u64,
    },
    /// Generated users with generated devices with generated scopes.
    Generated {
        /// Scopes a device.
        count: u64,
        /// Devices a user.
        devices: u64,
        /// Users.
        users: u64,
    },
    /// Exactly these: of each user, by id, each device.
    #[serde(rename = "users")]
    Listed(HashMap<String, HashMap<String, inventory::Device>>),
}

/// The scopes of all devices.
pub(crate) struct Scopes {
    /// What a device has that is not in `devices`; `None` if there is no such device.
    elsewhere: Option<Origin>,
    devices: HashMap<String, HashMap<String, Device>>,
}

/// The scopes of one device.
pub(crate) struct Device {
    details: DeviceDetails,
    origin: Origin,
    deleted: IdSet,
}

#[derive(Clone)]
enum Origin {
    Everything,
    Generated(u64),
    Listed { ids: IdSet, scopes: Vec<Scope> },
}

impl Scopes {
    pub fn new(source: &ScopeSource) -> Self {
        let (elsewhere, devices) = match source {
            ScopeSource::Everything => (Some(Origin::Everything), HashMap::new()),
            ScopeSource::Auto { count } => (Some(Origin::Generated(*count)), HashMap::new()),
            ScopeSource::Generated {
                count,
                devices,
                users,
            } => (None, generate(*count, *devices, *users)),
            ScopeSource::Listed(users) => (None, list(users)),
        };
        Self { elsewhere, devices }
    }

    pub fn exists(&self, user: &str, device: &str, id: &Id) -> bool {
        match self.device(user, device) {
            Some(device) => device.has(id),
            None => self.elsewhere.as_ref().is_some_and(|all| all.had(id)),
        }
    }

    /// The device as something to delete from; `None` if there is no such device.
    pub fn device_mut(&mut self, user: &str, device: &str) -> Option<&mut Device> {
        if self.device(user, device).is_none() {
            let origin = self.elsewhere.clone()?;
            let devices = self.devices.entry(user.to_owned()).or_default();
            let details = DeviceDetails::default();
            devices.insert(device.to_owned(), Device::new(details, origin));
        }
        self.devices.get_mut(user)?.get_mut(device)
    }

    /// A device's scopes in order; where every id exists, a few of them. `None` if there is no such device.
    pub fn list(&self, user: &str, device: &str) -> Option<Vec<Scope>> {
        let mut scopes = match (self.device(user, device), &self.elsewhere) {
            (Some(device), _) => {
                let mut scopes = device.origin.scopes();
                scopes.retain(|scope| !device.deleted.contains(&scope.scope_id));
                scopes
            }
            (None, Some(origin)) => origin.scopes(),
            (None, None) => return None,
        };
        scopes.sort_unstable_by(|one, other| one.scope_id.cmp(&other.scope_id));
        Some(scopes)
    }

    /// A user's devices in order: those known so far, and where every user has every device the first generated
    /// one. `None` if there is no such user.
    pub fn devices(&self, user: &str) -> Option<Vec<(String, DeviceDetails)>> {
        let known = self.devices.get(user);
        let generated = self.elsewhere.is_some().then(|| generated_device_id(0));
        if known.is_none() && generated.is_none() {
            return None;
        }
        let details = |(id, device): (&String, &Device)| (id.clone(), device.details.clone());
        let mut devices: Vec<_> = known.into_iter().flatten().map(details).collect();
        if let Some(id) = generated.filter(|id| !devices.iter().any(|(known, _)| known == id)) {
            devices.push((id, DeviceDetails::generated(0)));
        }
        devices.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Some(devices)
    }

    /// How many scopes exist on the devices known so far; `None` where every id exists.
    pub fn count(&self) -> Option<u64> {
        if let Some(Origin::Everything) = self.elsewhere {
            return None;
        }
        let devices = self.devices.values().flat_map(HashMap::values);
        devices.map(Device::count).sum()
    }

    /// What was deleted: of each user, of each device.
    pub fn deleted(&self) -> HashMap<String, HashMap<String, Vec<String>>> {
        let of_device = |(name, device): (&String, &Device)| {
            let ids = device.deleted.to_vec();
            (name.clone(), ids.iter().map(Id::to_string).collect())
        };
        let of_user = |(name, devices): (&String, &HashMap<String, Device>)| {
            (name.clone(), devices.iter().map(of_device).collect())
        };
        self.devices.iter().map(of_user).collect()
    }

    fn device(&self, user: &str, device: &str) -> Option<&Device> {
        self.devices.get(user)?.get(device)
    }
}

impl Device {
    fn new(details: DeviceDetails, origin: Origin) -> Self {
        Self {
            details,
            origin,
            deleted: IdSet::default(),
        }
    }

    fn has(&self, id: &Id) -> bool {
        self.origin.had(id) && !self.deleted.contains(id)
    }

    /// Deletes one scope; `false` if it does not exist.
    pub fn delete(&mut self, id: &Id) -> bool {
        self.origin.had(id) && self.deleted.insert(id)
    }

    fn count(&self) -> Option<u64> {
        let had = match &self.origin {
            Origin::Everything => return None,
            Origin::Generated(count) => *count,
            Origin::Listed { ids, .. } => ids.len() as u64,
        };
        Some(had - self.deleted.len() as u64)
    }
}

impl Origin {
    fn had(&self, id: &Id) -> bool {
        match (self, id) {
            (Self::Everything, _) => true,
            (Self::Generated(count), Id::Number(number)) => {
                (FIRST_SCOPE..FIRST_SCOPE.saturating_add(*count)).contains(number)
            }
            (Self::Generated(_), Id::Text(_)) => false,
            (Self::Listed { ids, .. }, id) => ids.contains(id),
        }
    }

    fn scopes(&self) -> Vec<Scope> {
        let generated = |n| Scope::generated(Id::Number(FIRST_SCOPE + n), n);
        match self {
            Self::Everything => (0..LISTED_OF_EVERYTHING).map(generated).collect(),
            Self::Generated(count) => (0..*count).map(generated).collect(),
            Self::Listed { scopes, .. } => scopes.clone(),
        }
    }
}

type Devices = HashMap<String, HashMap<String, Device>>;

fn generate(count: u64, devices: u64, users: u64) -> Devices {
    let device = |n| {
        (
            generated_device_id(n),
            Device::new(DeviceDetails::generated(n), Origin::Generated(count)),
        )
    };
    let user = |n| (generated_user_id(n), (0..devices).map(device).collect());
    (0..users).map(user).collect()
}

fn list(users: &HashMap<String, HashMap<String, inventory::Device>>) -> Devices {
    let listed = |device: &inventory::Device| {
        let ids = device.scopes.iter().map(|scope| &scope.scope_id);
        let origin = Origin::Listed {
            ids: ids.collect(),
            scopes: device.scopes.clone(),
        };
        Device::new(device.details.clone(), origin)
    };
    let devices = |devices: &HashMap<String, inventory::Device>| {
        let device = |(name, device): (&String, _)| (name.clone(), listed(device));
        devices.iter().map(device).collect()
    };
    let user = |(name, of_user): (&String, _)| (name.clone(), devices(of_user));
    users.iter().map(user).collect()
}
