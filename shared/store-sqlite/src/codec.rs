//! Fields as JSON text.
//!
//! JSON has no timestamps: one is `{"$time": "2026-11-20T12:00:00.000Z"}`, always of the same
//! length, so that text order is time order. Nor has it infinities or NaN: one is
//! `{"$double": "inf"}`. A field whose own name starts with `$` gets one more.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, SecondsFormat};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use fanout_store::{Fields, Value};

const TIME: &str = "$time";
const DOUBLE: &str = "$double";

/// A row whose JSON this module did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored document is not in this engine's format")]
pub(super) struct ForeignFormat;

pub(super) fn encode(fields: &Fields) -> String {
    Json(StoredFields(fields)).to_string()
}

pub(super) fn decode(text: &str) -> Result<Fields, ForeignFormat> {
    match serde_json::from_str(text) {
        Ok(Decoded(Value::Map(fields))) => Ok(fields),
        Ok(_) | Err(_) => Err(ForeignFormat),
    }
}

/// A value as JSON: what arrays and maps are compared by.
pub(super) fn to_json(value: &Value) -> String {
    Json(Stored(value)).to_string()
}

/// A field's name as it is in the JSON.
fn stored_name(name: &str) -> Cow<'_, str> {
    if name.starts_with('$') {
        format!("${name}").into()
    } else {
        name.into()
    }
}

/// Written without a tree of values in between.
struct Json<T>(T);

impl<T: Serialize> fmt::Display for Json<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

struct Stored<'a>(&'a Value);

struct StoredFields<'a>(&'a Fields);

struct Tagged<T>(&'static str, T);

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => out.serialize_unit(),
            Value::Boolean(flag) => out.serialize_bool(*flag),
            Value::Integer(number) => out.serialize_i64(*number),
            Value::Double(number) if number.is_finite() => out.serialize_f64(*number),
            Value::Double(number) => Tagged(DOUBLE, number.to_string()).serialize(out),
            Value::Text(text) => out.serialize_str(text),
            Value::Timestamp(time) => {
                let text = time.to_rfc3339_opts(SecondsFormat::Millis, true);
                Tagged(TIME, text).serialize(out)
            }
            Value::Array(items) => out.collect_seq(items.iter().map(Stored)),
            Value::Map(fields) => StoredFields(fields).serialize(out),
            Value::Foreign(kind) => Err(serde::ser::Error::custom(kind)),
        }
    }
}

impl Serialize for StoredFields<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let field = |(name, value)| (stored_name(name), Stored(value));
        out.collect_map(self.0.iter().map(field))
    }
}

impl<T: Serialize> Serialize for Tagged<T> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut object = out.serialize_map(Some(1))?;
        object.serialize_entry(self.0, &self.1)?;
        object.end()
    }
}

struct Decoded(Value);

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(stored: D) -> Result<Self, D::Error> {
        stored.deserialize_any(Decoding).map(Self)
    }
}

struct Decoding;

impl<'de> Visitor<'de> for Decoding {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value as this module writes it")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        let whole = i64::try_from(number);
        Ok(whole.map_or(Value::Double(number as f64), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Double(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Decoded(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((mut name, Decoded(value))) = object.next_entry::<String, _>()? {
            if let (TIME | DOUBLE, Value::Text(text)) = (name.as_str(), &value) {
                return tagged(&name, text).map_err(serde::de::Error::custom);
            }
            if name.starts_with('$') {
                name.remove(0);
            }
            fields.push((name, value));
        }
        Ok(Value::Map(fields.into_iter().collect()))
    }
}

/// What JSON has no word for; it is the only member of its object.
fn tagged(tag: &str, text: &str) -> Result<Value, ForeignFormat> {
    if tag == TIME {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| ForeignFormat)?;
        Ok(Value::Timestamp(time.to_utc()))
    } else {
        text.parse().map(Value::Double).map_err(|_| ForeignFormat)
    }
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
