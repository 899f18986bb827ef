//! JSON as values of documents, and back.

use chrono::SecondsFormat;
use fanout_store::{Fields, Value};
use serde_json::{Map, Number, Value as Json};

/// As it is stored. A number that is no whole number of 64 bits is kept as a double.
pub(crate) fn to_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::Number(number) => number.as_i64().map_or_else(
            || Value::Double(number.as_f64().unwrap_or_default()),
            Value::Integer,
        ),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(to_value).collect()),
        Json::Object(object) => Value::Map(
            object
                .iter()
                .map(|(name, value)| (name.clone(), to_value(value)))
                .collect(),
        ),
    }
}

/// As it is read back. A time is its text.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        // `StoredProcess::from_fields` has refused a foreign value.
        Value::Null | Value::Foreign(_) => Json::Null,
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Integer(number) => Json::from(*number),
        Value::Double(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::Text(text) => Json::String(text.clone()),
        Value::Timestamp(time) => Json::String(time.to_rfc3339_opts(SecondsFormat::Millis, true)),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Map(fields) => Json::Object(object(fields)),
    }
}

fn object(fields: &Fields) -> Map<String, Json> {
    let pairs = fields.iter();
    pairs
        .map(|(name, value)| (name.to_owned(), to_json(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            "[a-z\u{e9}]{0,8}".prop_map(Json::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_back_as_it_was(json in json()) {
            prop_assert_eq!(to_json(&to_value(&json)), json);
        }
    }
}
