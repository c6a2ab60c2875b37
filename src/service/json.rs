//! Values of the service's JSON, which it types in more than one way: every form is read, exactly, and never
//! through a floating point number.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, Expected, IgnoredAny, MapAccess, Unexpected, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

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

/// A text that nothing depends on: none where anything else stands, but for whole numbers if `NUMBERS`. A
/// surrogate that stands alone, which JSON's grammar allows, is U+FFFD.
#[derive(Default)]
pub(super) struct Words<'a, const NUMBERS: bool = false>(pub(super) Option<Cow<'a, str>>);

impl<'de: 'a, 'a, const NUMBERS: bool> Deserialize<'de> for Words<'a, NUMBERS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Whatever the grammar allows: a value that is not wanted must not fail the others.
        let json = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Words(match json.as_bytes().first() {
            Some(b'"') => words(json),
            Some(b'-' | b'0'..=b'9') if NUMBERS => serde_json::from_str(json)
                .ok()
                .and_then(|Scalar(text)| text),
            _ => None,
        }))
    }
}

/// The text of a JSON string.
fn words(json: &str) -> Option<Cow<'_, str>> {
    struct WordsVisitor;

    impl Visitor<'_> for WordsVisitor {
        type Value = String;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a string")
        }

        fn visit_bytes<E>(self, text: &[u8]) -> Result<Self::Value, E> {
            Ok(without_surrogates(text))
        }
    }

    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(inside.into());
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let text = deserializer.deserialize_bytes(WordsVisitor);
    text.ok().map(Cow::from)
}

/// UTF-8 of what serde_json makes of any string's bytes: in it a surrogate that stands alone is encoded as if it
/// were a character, in three bytes.
fn without_surrogates(text: &[u8]) -> String {
    let mut whole = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        whole.push_str(chunk.valid());
        // The first of the three.
        if chunk.invalid().first() == Some(&0xED) {
            whole.push(char::REPLACEMENT_CHARACTER);
        }
    }
    whole
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

/// Whether a JSON value is or holds an array that begins with an object, as a list of entries does.
pub(super) fn holds_entries(json: &str) -> bool {
    let mut bytes = json.bytes();
    let mut after_bracket = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' if after_bracket => return true,
            b'"' => skip_string(&mut bytes),
            b' ' | b'\t' | b'\n' | b'\r' => continue,
            _ => {}
        }
        after_bracket = byte == b'[';
    }
    false
}

/// Takes the rest of a string of which the first quote was taken.
fn skip_string(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return,
            _ => {}
        }
    }
}
