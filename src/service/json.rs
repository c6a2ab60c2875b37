//! Values of the service's JSON, which it types in more than one way: every form is read, exactly, and never
//! through a floating point number.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserializer, Error, Expected, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::error::Category;

/// A text, or a whole number of up to 64 bits as the text it would be; null is as good as nothing.
#[derive(Default)]
pub(super) struct Scalar<'a>(pub(super) Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;

        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = Scalar<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string or a whole number of up to 64 bits")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar(Some(text.into())))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar(Some(text.to_owned().into())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Scalar(Some(number.to_string().into())))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Scalar(Some(number.to_string().into())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar(None))
            }
        }

        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// A text that nothing depends on: none where anything else stands, but for whole numbers if `NUMBERS`.
#[derive(Default)]
pub(super) struct Words<'a, const NUMBERS: bool = false>(pub(super) Option<Cow<'a, str>>);

impl<'de: 'a, 'a, const NUMBERS: bool> Deserialize<'de> for Words<'a, NUMBERS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordsVisitor<const NUMBERS: bool>;

        impl<'de, const NUMBERS: bool> Visitor<'de> for WordsVisitor<NUMBERS> {
            type Value = Words<'de, NUMBERS>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("anything")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Words(Some(text.into())))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Words(Some(text.to_owned().into())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Words(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Words(None))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Words(NUMBERS.then(|| number.to_string().into())))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Words(NUMBERS.then(|| number.to_string().into())))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Words(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_seq(items).map(|_| Words(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_map(map).map(|_| Words(None))
            }
        }

        deserializer.deserialize_any(WordsVisitor::<NUMBERS>)
    }
}

/// What is wrong and where. A value of the wrong type is not shown, as serde would: it may be long,
/// and it may echo a secret.
pub(super) fn describe(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Data => format!(
            "not in the form of the API reference at line {} column {}",
            error.line(),
            error.column()
        ),
        _ => error.to_string(),
    }
}

/// Some services write an empty list as an empty text.
pub(super) fn empty_list<T: Default, E: Error>(
    text: &str,
    expected: &dyn Expected,
) -> Result<T, E> {
    match text {
        "" => Ok(T::default()),
        other => Err(E::invalid_type(Unexpected::Str(other), expected)),
    }
}

/// Others write it as an empty object.
pub(super) fn empty_map<'de, A: MapAccess<'de>, T: Default>(
    map: &mut A,
    expected: &dyn Expected,
) -> Result<T, A::Error> {
    match map.next_key::<IgnoredAny>()? {
        None => Ok(T::default()),
        Some(_) => Err(A::Error::invalid_type(Unexpected::Map, expected)),
    }
}

/// A `T` that is written as an object; null is as good as nothing. Derived implementations also take
/// an array and read it by position, so that `[0]` would be a success.
pub(super) struct Object<T>(pub(super) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|object| Object(Some(object)))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Object(None))
            }
        }

        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}
