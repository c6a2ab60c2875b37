//! A scope id: an exact text, kept small when it is a number.

use std::fmt;

use hashbrown::HashSet;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A scope id. In JSON it may be a string or an integer, and is compared as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// A number without leading zeros, as nearly all ids are: needs no memory of its own.
    Number(u64),
    /// Any other text.
    Text(Box<str>),
}

impl Id {
    /// 1 to 128 visible ASCII characters.
    pub(crate) fn is_valid(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Text(text) => {
                (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
            }
        }
    }
}

/// A set of ids that stays small when there are a million.
#[derive(Clone, Default)]
pub(crate) struct IdSet {
    numbers: HashSet<u64>,
    texts: HashSet<Box<str>>,
}

impl IdSet {
    /// `false` if it was there before.
    pub fn insert(&mut self, id: &Id) -> bool {
        match id {
            Id::Number(number) => self.numbers.insert(*number),
            Id::Text(text) => self.texts.insert(text.clone()),
        }
    }

    pub fn contains(&self, id: &Id) -> bool {
        match id {
            Id::Number(number) => self.numbers.contains(number),
            Id::Text(text) => self.texts.contains(text),
        }
    }

    pub fn len(&self) -> usize {
        self.numbers.len() + self.texts.len()
    }

    pub fn to_vec(&self) -> Vec<Id> {
        let numbers = self.numbers.iter().copied().map(Id::Number);
        let texts = self.texts.iter().cloned().map(Id::Text);
        numbers.chain(texts).collect()
    }
}

impl<'a> FromIterator<&'a Id> for IdSet {
    fn from_iter<I: IntoIterator<Item = &'a Id>>(ids: I) -> Self {
        let mut set = Self::default();
        for id in ids {
            set.insert(id);
        }
        set
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        let canonical = !text.starts_with(['0', '+']) || text == "0";
        match text.parse() {
            Ok(number) if canonical => Self::Number(number),
            _ => Self::Text(text.into()),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Text(text) => text.fmt(formatter),
        }
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(_) => serializer.collect_str(self),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Id;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a scope id: a string or a 64-bit integer")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
        Ok(Id::from(text))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id, E> {
        Ok(Id::Number(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id, E> {
        Ok(Id::Text(number.to_string().into()))
    }
}
