//! A JSON value that nobody wants to know, but that must be right: no key twice, at any depth.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads a value and keeps nothing of it.
///
/// An object with a key that occurs twice is an error: whoever reads the first and whoever reads the
/// last would see different requests (RFC 8259, section 4).
pub(crate) struct IgnoredJson;

/// A key occurs twice in one object.
pub(crate) fn key_twice<E: Error>() -> E {
    E::custom("a key occurs twice")
}

impl<'de> Deserialize<'de> for IgnoredJson {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for IgnoredJson {
    type Value = Self;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = object.next_key::<String>()? {
            if !seen.insert(name) {
                return Err(key_twice());
            }
            object.next_value::<Self>()?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn refused_at(json: &str) -> (usize, usize) {
        let error = serde_json::from_str::<IgnoredJson>(json).err().unwrap();
        (error.line(), error.column())
    }

    #[test]
    fn a_key_twice_is_refused_where_it_stands() {
        assert_eq!(refused_at(r#"{"k":1,"k":2}"#), (1, 10));
        assert_eq!(refused_at("[{\"a\":\n{\"k\":1,\"k\":2}}]"), (2, 10));
        // Another spelling of the same key.
        assert_eq!(refused_at(r#"{"k":1,"\u006b":2}"#), (1, 15));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_without_a_key_twice_is_taken(value in any_json()) {
            prop_assert!(serde_json::from_str::<IgnoredJson>(&value.to_string()).is_ok());
        }
    }
}
