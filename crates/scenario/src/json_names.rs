//! The names that a type's fields and variants have in JSON: files call them the same.

use crate::field::Field;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error as _, IntoDeserializer, Visitor};

/// One value of an enumeration without fields, by its name; `what` says of what kind, with its article.
pub(crate) fn choice<T: for<'de> Deserialize<'de>>(field: &Field<'_>, what: &str) -> Option<T> {
    let words: Vec<(&str, &str)> = names_of::<T>().iter().map(|&name| (name, name)).collect();
    let word: StrDeserializer<'_, Error> = field.word(what, &words)?.into_deserializer();
    T::deserialize(word).ok()
}

/// The names of a structure's fields, or of an enumeration's variants.
pub(crate) fn names_of<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It gives no value: it only takes down what it is asked for.
    let asked = T::deserialize(Asked(&mut names));
    debug_assert!(asked.is_err());
    names
}

struct Asked<'n>(&'n mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = variants;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("there is no value"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}
