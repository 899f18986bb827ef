//! What an event says, as a digest: the same for a re-serialised copy, another for a changed one.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::Event;

/// How long the canonical form of the usual event is at most.
const USUAL: usize = 512;

/// SHA-256 over type, version, subject, sequence and data, in a canonical form.
///
/// Id, source, times and correlation are not part of it: they say nothing of what happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of an event as it arrived, before any upcasting.
    pub fn of(event: &Event) -> Self {
        let mut text = Vec::with_capacity(USUAL);
        for line in [&event.event_type, &event.metadata.version, &event.subject] {
            put(&mut text, line);
            text.push(b'\n');
        }
        put(&mut text, &event.sequence);
        text.push(b'\n');
        put_object(&mut text, &event.data.0);
        text.push(b'\n');
        Self::of_bytes(&text)
    }

    /// The fingerprint of a message that cannot be decoded.
    pub fn of_bytes(data: &[u8]) -> Self {
        Self(sha256(data))
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

/// SHA-256, as 64 hexadecimal digits.
pub fn sha256(data: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(data))
}

/// JSON without spaces and with sorted keys, whatever order serde_json keeps them in.
fn put_value(text: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(object) => put_object(text, object),
        Value::Array(items) => {
            text.push(b'[');
            for (place, item) in items.iter().enumerate() {
                put_comma(text, place);
                put_value(text, item);
            }
            text.push(b']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => put(text, value),
    }
}

fn put_object(text: &mut Vec<u8>, object: &Map<String, Value>) {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    text.push(b'{');
    for (place, (name, value)) in members.into_iter().enumerate() {
        put_comma(text, place);
        put(text, name);
        text.push(b':');
        put_value(text, value);
    }
    text.push(b'}');
}

fn put_comma(text: &mut Vec<u8>, place: usize) {
    if place > 0 {
        text.push(b',');
    }
}

fn put(text: &mut Vec<u8>, scalar: &impl Serialize) {
    // Cannot fail: it is a text or another scalar, and memory takes it.
    let _ = serde_json::to_writer(text, scalar);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn canonical(value: &Value) -> String {
        let mut text = Vec::new();
        put_value(&mut text, value);
        String::from_utf8(text).unwrap()
    }

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
        fn the_canonical_form_is_what_serde_json_writes_of_sorted_objects(value in any_json()) {
            let mut sorted = value.clone();
            sorted.sort_all_objects();
            prop_assert_eq!(canonical(&value), sorted.to_string());
        }

        #[test]
        fn a_reserialised_copy_has_the_same_canonical_form(value in any_json()) {
            let copy: Value = serde_json::from_str(&serde_json::to_string_pretty(&value).unwrap()).unwrap();
            prop_assert_eq!(canonical(&value), canonical(&copy));
        }

        #[test]
        fn two_values_share_a_canonical_form_only_if_they_are_equal(a in any_json(), b in any_json()) {
            prop_assert_eq!(canonical(&a) == canonical(&b), a == b);
        }
    }

    #[test]
    fn a_digest_is_what_sha256sum_writes() {
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256("abc"), of_abc);
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = json!({"b": {"d": 1, "c": [true, null]}, "a": "x"});
        assert_eq!(
            canonical(&value),
            r#"{"a":"x","b":{"c":[true,null],"d":1}}"#
        );
    }
}
