//! Fields as JSON text, so that SQLite's own JSON functions can filter and sort them.
//!
//! JSON has no timestamps: one is `{"$time": "2026-11-20T12:00:00.000Z"}`, always of the same
//! length, so that text order is time order. Nor has it infinities or NaN: one is
//! `{"$double": "inf"}`. A field whose own name starts with `$` gets one more.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Number, Value as Json};

use fanout_store::{Fields, Value};

pub(super) const TIME: &str = "$time";
pub(super) const DOUBLE: &str = "$double";

/// A row whose JSON this module did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored document is not in this engine's format")]
pub(super) struct ForeignFormat;

pub(super) fn encode(fields: &Fields) -> String {
    map_to_json(fields).to_string()
}

pub(super) fn decode(text: &str) -> Result<Fields, ForeignFormat> {
    match serde_json::from_str(text) {
        Ok(Json::Object(object)) => map_from_json(object),
        _ => Err(ForeignFormat),
    }
}

/// A value as `json_extract` returns its like: what filters and cursors are compared with.
pub(super) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => Json::from(*flag),
        Value::Integer(number) => Json::from(*number),
        Value::Double(number) => match Number::from_f64(*number) {
            Some(number) => Json::Number(number),
            None => tagged(DOUBLE, number.to_string()),
        },
        Value::Text(text) => Json::from(text.as_str()),
        Value::Timestamp(time) => tagged(TIME, time.to_rfc3339_opts(SecondsFormat::Millis, true)),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Map(fields) => map_to_json(fields),
    }
}

fn tagged(tag: &str, text: String) -> Json {
    Json::Object(Map::from_iter([(tag.to_owned(), Json::from(text))]))
}

fn map_to_json(fields: &Fields) -> Json {
    let pairs = fields
        .iter()
        .map(|(name, value)| (stored_name(name), to_json(value)));
    Json::Object(pairs.collect())
}

/// A field's name as it is in the JSON.
pub(super) fn stored_name(name: &str) -> String {
    if name.starts_with('$') {
        format!("${name}")
    } else {
        name.to_owned()
    }
}

fn map_from_json(object: Map<String, Json>) -> Result<Fields, ForeignFormat> {
    let field = |(name, value): (String, Json)| {
        let name = name.strip_prefix('$').map_or(name.clone(), str::to_owned);
        Ok((name, from_json(value)?))
    };
    object.into_iter().map(field).collect()
}

fn from_json(value: Json) -> Result<Value, ForeignFormat> {
    Ok(match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Boolean(flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Integer(whole),
            None => Value::Double(number.as_f64().ok_or(ForeignFormat)?),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(items) => {
            Value::Array(items.into_iter().map(from_json).collect::<Result<_, _>>()?)
        }
        Json::Object(object) => match (object.get(TIME), object.get(DOUBLE)) {
            (Some(Json::String(text)), _) => Value::Timestamp(
                DateTime::parse_from_rfc3339(text)
                    .map_err(|_| ForeignFormat)?
                    .to_utc(),
            ),
            (_, Some(Json::String(text))) => {
                Value::Double(text.parse().map_err(|_| ForeignFormat)?)
            }
            _ => Value::Map(map_from_json(object)?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_comes_back_as_it_went_in() {
        let time = DateTime::parse_from_rfc3339("2026-11-20T12:00:00.123Z").unwrap();
        let inner = Fields::new()
            .with("$time", "a text, not a time")
            .with("$double", "inf")
            .with("$$x", true);
        let fields = Fields::new()
            .with("null", Value::Null)
            .with("flag", true)
            .with("whole", i64::MIN)
            .with("double", Value::Double(1.0))
            .with("infinite", Value::Double(f64::NEG_INFINITY))
            .with("text", "é\u{0}\"")
            .with("time", time.to_utc())
            .with("list", Value::Array(vec![1_i64.into(), "a".into()]))
            .with("map", Value::Map(inner));
        assert_eq!(decode(&encode(&fields)), Ok(fields));
    }
}
