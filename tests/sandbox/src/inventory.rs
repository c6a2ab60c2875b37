//! What there is on devices, as a scopes file says it or generated, and as the service lists it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::Shape;
use crate::id::Id;

const CREATED: &str = "2025-09-15T06:14:48.630Z";

/// A device at the start.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "DeviceForm")]
pub struct Device {
    /// What is said of it.
    pub details: DeviceDetails,
    /// Its scopes.
    pub scopes: Vec<Scope>,
}

/// What the service says of a device, but for its id. What is left out, it says nothing of.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceDetails {
    /// `machineCode`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_code: Option<String>,
    /// `deviceName`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// `deviceOS`
    #[serde(rename = "deviceOS", skip_serializing_if = "Option::is_none")]
    pub device_os: Option<String>,
    /// `createTime`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_time: Option<String>,
}

/// A scope, as the service lists it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// `scopeId`
    pub scope_id: Id,
    /// `moduleCode`: 100 folders, 101 an album, 102 an address book.
    pub module_code: String,
    /// `localPath`
    pub local_path: String,
    /// `targetFolderPath`
    pub target_folder_path: String,
    /// `createTime`
    pub create_time: String,
}

/// Ids alone, or an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum DeviceForm {
    Scopes(Vec<Scope>),
    #[serde(rename_all = "camelCase")]
    Described {
        #[serde(flatten)]
        details: DeviceDetails,
        scopes: Vec<Scope>,
    },
}

impl From<DeviceForm> for Device {
    fn from(form: DeviceForm) -> Self {
        let (details, scopes) = match form {
            DeviceForm::Scopes(scopes) => (DeviceDetails::default(), scopes),
            DeviceForm::Described { details, scopes } => (details, scopes),
        };
        Self { details, scopes }
    }
}

impl From<Vec<Id>> for Device {
    fn from(ids: Vec<Id>) -> Self {
        Self {
            details: DeviceDetails::default(),
            scopes: ids.into_iter().map(Scope::from).collect(),
        }
    }
}

impl From<Id> for Scope {
    /// A folder.
    fn from(id: Id) -> Self {
        Self {
            local_path: format!("/storage/emulated/0/{id}"),
            target_folder_path: "/backup".to_owned(),
            scope_id: id,
            module_code: "100".to_owned(),
            create_time: CREATED.to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Id(Id),
            #[serde(rename_all = "camelCase")]
            Described {
                scope_id: Id,
                module_code: Option<String>,
                local_path: Option<String>,
                target_folder_path: Option<String>,
                create_time: Option<String>,
            },
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Id(id) => Self::from(id),
            Form::Described {
                scope_id,
                module_code,
                local_path,
                target_folder_path,
                create_time,
            } => {
                let plain = Self::from(scope_id);
                Self {
                    module_code: module_code.unwrap_or(plain.module_code),
                    local_path: local_path.unwrap_or(plain.local_path),
                    target_folder_path: target_folder_path.unwrap_or(plain.target_folder_path),
                    create_time: create_time.unwrap_or(plain.create_time),
                    scope_id: plain.scope_id,
                }
            }
        })
    }
}

impl DeviceDetails {
    /// Of the `n`th generated device.
    pub(crate) fn generated(n: u64) -> Self {
        Self {
            machine_code: Some(format!("{}", 20_250_911 + n)),
            device_name: Some(format!("Phone {}", n + 1)),
            device_os: Some("Android 15".to_owned()),
            create_time: Some(CREATED.to_owned()),
        }
    }
}

impl Scope {
    /// The `n`th generated one: of ten the ninth is an album, the tenth an address book, the others are folders.
    pub(crate) fn generated(id: Id, n: u64) -> Self {
        let (module_code, local_path) = match n % 10 {
            8 => ("101", format!("/DCIM/Album {}", n + 1)),
            9 => ("102", format!("/Contacts/Account {}", n + 1)),
            _ => ("100", format!("/Documents/Folder {}", n + 1)),
        };
        Self {
            module_code: module_code.to_owned(),
            local_path,
            ..Self::from(id)
        }
    }
}

/// The answer to a call that lists, in the API reference's form or another one.
pub(crate) fn answer(name: &str, entries: Vec<Value>, shape: Option<Shape>) -> Value {
    let mut answer = json!({ "code": 0, "msg": "success" });
    match shape {
        Some(Shape::Null) if entries.is_empty() => answer[name] = Value::Null,
        Some(Shape::Missing) if entries.is_empty() => {}
        _ => answer[name] = entries.into(),
    }
    match shape {
        Some(Shape::Numbers) => {
            answer["code"] = "0".into();
            answer[name]
                .as_array_mut()
                .into_iter()
                .flatten()
                .for_each(with_numbers);
        }
        Some(Shape::ExtraFields) => {
            answer["traceId"] = "5f3a".into();
            answer["extra"] = json!({ name: [{ "scopeId": "1" }], "code": 7 });
        }
        _ => {}
    }
    answer
}

/// Writes ids and codes as numbers, where they are some.
fn with_numbers(entry: &mut Value) {
    for field in ["deviceId", "machineCode", "scopeId", "moduleCode"] {
        let number = entry[field]
            .as_str()
            .and_then(|text| text.parse::<u64>().ok());
        if let Some(number) = number {
            entry[field] = number.into();
        }
    }
}
