//! What an event says, as a digest: the same for a re-serialised copy, another for a changed one.

use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Event;

/// SHA-256 over type, version, subject, sequence and data, in a canonical form.
///
/// Id, source, times and correlation are not part of it: they say nothing of what happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of an event as it arrived, before any upcasting.
    pub fn of(event: &Event) -> Self {
        let parts = [
            Value::from(event.event_type.as_str()),
            Value::from(event.metadata.version.as_str()),
            Value::from(event.subject.as_str()),
            Value::from(event.sequence),
            Value::Object(event.data.0.clone()),
        ];
        let lines = parts.map(|part| canonical(part) + "\n");
        Self::of_bytes(lines.concat().as_bytes())
    }

    /// The fingerprint of a message that cannot be decoded.
    pub fn of_bytes(data: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(data)))
    }

    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// JSON without spaces and with sorted keys, whatever order serde_json keeps them in.
fn canonical(mut value: Value) -> String {
    value.sort_all_objects();
    value.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,3}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_reserialised_copy_has_the_same_canonical_form(value in any_json()) {
            let copy: Value = serde_json::from_str(&serde_json::to_string_pretty(&value).unwrap()).unwrap();
            prop_assert_eq!(canonical(value), canonical(copy));
        }

        #[test]
        fn two_values_share_a_canonical_form_only_if_they_are_equal(a in any_json(), b in any_json()) {
            prop_assert_eq!(canonical(a.clone()) == canonical(b.clone()), a == b);
        }
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = json!({"b": {"d": 1, "c": [true, null]}, "a": "x"});
        assert_eq!(canonical(value), r#"{"a":"x","b":{"c":[true,null],"d":1}}"#);
    }
}
