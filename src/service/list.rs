//! The lists that reading calls return. A list is whole, or it is an error: an entry that can't be used is not
//! left out.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::json::{Object, Scalar, Words, describe, empty_list, empty_map, holds_entries};
use super::redactor::Redactor;
use super::request::{Query, QueryOf};
use crate::listing::{Device, Devices, Scope, Scopes};
use crate::plan::{broken_rule, check_device_id, shown};

/// A list that responses add to.
pub(crate) trait ListResponse {
    /// Adds the entries of a body's list: all of them or none. A list that is empty in any form has none; so has
    /// one that is missing or null, unless entries stand somewhere else: then it may have another name.
    fn read(
        &mut self,
        body: &[u8],
        query: &Query<'_>,
        redactor: &Redactor<'_>,
    ) -> Result<(), String>;
}

/// A list by its entries.
trait Entries {
    /// The list's name in the response.
    const NAME: &'static str;

    /// An entry as JSON.
    type Entry<'a>: Deserialize<'a>;

    fn count(&self) -> usize;

    fn truncate(&mut self, count: usize);

    /// Adds an entry; or says what is wrong with it, without secrets.
    fn add(
        &mut self,
        entry: Self::Entry<'_>,
        query: &Query<'_>,
        redactor: &Redactor<'_>,
    ) -> Result<(), String>;
}

/// A text about an entry, which nothing depends on.
type Detail<'a> = Words<'a, true>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonDevice<'a> {
    #[serde(borrow, default)]
    device_id: Scalar<'a>,
    #[serde(borrow, default)]
    device_name: Detail<'a>,
    #[serde(borrow, default, rename = "deviceOS")]
    device_os: Detail<'a>,
    #[serde(borrow, default)]
    machine_code: Detail<'a>,
    #[serde(borrow, default)]
    create_time: Detail<'a>,
}

impl Entries for Devices {
    const NAME: &'static str = "data";

    type Entry<'a> = JsonDevice<'a>;

    fn count(&self) -> usize {
        Devices::count(self)
    }

    fn truncate(&mut self, count: usize) {
        Devices::truncate(self, count);
    }

    fn add(
        &mut self,
        mut json: JsonDevice<'_>,
        _: &Query<'_>,
        redactor: &Redactor<'_>,
    ) -> Result<(), String> {
        let details = [
            &mut json.device_name,
            &mut json.device_os,
            &mut json.machine_code,
            &mut json.create_time,
        ];
        for detail in details {
            redactor.hide_in(&mut detail.0);
        }
        let id = json.device_id.0.as_deref().ok_or("it has no deviceId")?;
        check_device_id(id).map_err(|error| error.message)?;
        let device = Device {
            id,
            name: json.device_name.0.as_deref(),
            os: json.device_os.0.as_deref(),
            machine_code: json.machine_code.0.as_deref(),
            created_at: json.create_time.0.as_deref(),
        };
        self.push(&device).map_err(|error| error.message)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonScope<'a> {
    #[serde(borrow, default)]
    scope_id: Scalar<'a>,
    #[serde(borrow, default)]
    module_code: Detail<'a>,
    #[serde(borrow, default)]
    local_path: Detail<'a>,
    #[serde(borrow, default)]
    target_folder_path: Detail<'a>,
    #[serde(borrow, default)]
    create_time: Detail<'a>,
}

impl Entries for Scopes {
    const NAME: &'static str = "scopeList";

    type Entry<'a> = JsonScope<'a>;

    fn count(&self) -> usize {
        Scopes::count(self)
    }

    fn truncate(&mut self, count: usize) {
        Scopes::truncate(self, count);
    }

    /// Who asked for albums must not be given folders, which he may go on to delete.
    fn add(
        &mut self,
        mut json: JsonScope<'_>,
        query: &Query<'_>,
        redactor: &Redactor<'_>,
    ) -> Result<(), String> {
        let details = [
            &mut json.module_code,
            &mut json.local_path,
            &mut json.target_folder_path,
            &mut json.create_time,
        ];
        for detail in details {
            redactor.hide_in(&mut detail.0);
        }
        if let Some(module) = json.module_code.0.as_deref()
            && let QueryOf::Scopes { module: asked, .. } = query.of
            && module != asked
        {
            return Err(format!(
                "it is of module {}, {asked} was asked for",
                shown(module)
            ));
        }
        let id = json.scope_id.0.as_deref().ok_or("it has no scopeId")?;
        if let Some(broken) = broken_rule(id) {
            return Err(format!("scopeId {} {broken}", shown(&redactor.hide(id))));
        }
        let scope = Scope {
            id,
            module_code: json.module_code.0.as_deref(),
            local_path: json.local_path.0.as_deref(),
            target_folder_path: json.target_folder_path.0.as_deref(),
            created_at: json.create_time.0.as_deref(),
        };
        self.push(&scope).map_err(|error| error.message)
    }
}

impl<L: Entries> ListResponse for L {
    fn read(
        &mut self,
        body: &[u8],
        query: &Query<'_>,
        redactor: &Redactor<'_>,
    ) -> Result<(), String> {
        let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        let before = self.count();
        let mut reader = Reader {
            list: self,
            query,
            redactor,
            broken_rule: None,
        };
        let mut json = serde_json::Deserializer::from_str(text);
        let read = json
            .deserialize_map(ListIn(&mut reader))
            .and_then(|()| json.end());
        let broken_rule = reader.broken_rule.take();
        read.map_err(|error| {
            self.truncate(before);
            broken_rule.unwrap_or_else(|| describe(&error))
        })
    }
}

struct Reader<'a, L> {
    list: &'a mut L,
    query: &'a Query<'a>,
    redactor: &'a Redactor<'a>,
    /// By what made it stop.
    broken_rule: Option<String>,
}

/// Finds the list in the body's object.
struct ListIn<'r, 'a, L>(&'r mut Reader<'a, L>);

impl<'de, L: Entries> Visitor<'de> for ListIn<'_, '_, L> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = None;
        let mut entries_elsewhere = false;
        while let Some(Scalar(name)) = map.next_key()? {
            if name.as_deref() != Some(L::NAME) {
                let other = map.next_value::<&RawValue>()?;
                entries_elsewhere = entries_elsewhere || holds_entries(other.get());
            } else if found.is_some() {
                return Err(A::Error::duplicate_field(L::NAME));
            } else {
                found = Some(map.next_value_seed(EachEntry(self.0))?);
            }
        }
        match found {
            None | Some(IsList(false)) if entries_elsewhere => {
                self.0.broken_rule = Some(format!("no {}, but another list", L::NAME));
                Err(A::Error::custom("there is another list"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a value is a list, maybe an empty one; null is none.
struct IsList(bool);

/// Reads the list, entry by entry.
struct EachEntry<'r, 'a, L>(&'r mut Reader<'a, L>);

impl<'de, L: Entries> DeserializeSeed<'de> for EachEntry<'_, '_, L> {
    type Value = IsList;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<IsList, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, L: Entries> Visitor<'de> for EachEntry<'_, '_, L> {
    type Value = IsList;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<IsList, A::Error> {
        let reader = self.0;
        let mut index = 0;
        while let Some(Object(entry)) = entries.next_element::<Object<L::Entry<'de>>>()? {
            let added = match entry {
                Some(entry) => reader.list.add(entry, reader.query, reader.redactor),
                None => Err("it is null".to_owned()),
            };
            if let Err(why) = added {
                reader.broken_rule = Some(format!("{}[{index}]: {why}", L::NAME));
                return Err(A::Error::custom("an entry breaks a rule"));
            }
            index += 1;
        }
        Ok(IsList(true))
    }

    fn visit_unit<E>(self) -> Result<IsList, E> {
        Ok(IsList(false))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<IsList, E> {
        empty_list(text, &self).map(|()| IsList(true))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<IsList, A::Error> {
        empty_map(&mut map, &self).map(|()| IsList(true))
    }
}
