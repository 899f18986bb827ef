//! Protobuf's JSON mapping, as requests are written in it: a field goes by either spelling, `null`
//! stands for a field that is absent, whole numbers may be texts, bytes are base64 in either
//! alphabet. What a request has and its method does not take is an error that names the field.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use fanout_events::skip_byte_order_mark;
use fanout_runtime::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::RestError;
use super::proto_scalars::{bytes, duration, time, whole_number};

/// How much of a field's name an error shows: it may be a whole document.
const SHOWN: usize = 100;

/// The fields of one protobuf message that were not taken yet.
pub(super) struct ProtoFields {
    /// Of the message, within the request; empty for the request itself.
    path: String,
    fields: Map<String, Value>,
}

impl ProtoFields {
    /// Those of a request's body; no body counts as an empty object.
    pub(super) fn of_body(body: Result<Bytes, BytesRejection>) -> Result<Self, RestError> {
        let too_large = "the request's body is larger than this server takes";
        let body = body.map_err(|_| RestError::invalid(too_large))?;
        let body = skip_byte_order_mark(&body);
        let body = if body.is_empty() { b"{}" } else { body };
        // serde_json's own message may show values of the body.
        let body = serde_json::from_slice(body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            RestError::Invalid(format!(
                "the request's body is not JSON (line {line}, column {column})"
            ))
        })?;
        Self::of(String::new(), body)
    }

    fn of(path: String, value: Value) -> Result<Self, RestError> {
        match value {
            Value::Object(fields) => Ok(Self { path, fields }),
            _ if path.is_empty() => Err(RestError::invalid("the request's body must be an object")),
            _ => Err(RestError::Invalid(format!("`{path}` must be an object"))),
        }
    }

    fn path_of(&self, name: &str) -> String {
        let name = &name[..name.floor_char_boundary(SHOWN)];
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// A field that is not what its method takes there.
    fn wrong(&self, name: &str, must: &'static str) -> RestError {
        RestError::Invalid(format!("`{}` must {must}", self.path_of(name)))
    }

    /// Takes a field by either spelling; none if it is absent.
    fn take(&mut self, name: &str) -> Result<Option<Value>, RestError> {
        let spellings = [name.to_owned(), snake_case(name)];
        match spellings.map(|name| self.fields.remove(&name)) {
            [Some(_), Some(_)] => Err(self.wrong(name, "be there once")),
            [value, None] | [None, value] => Ok(value.filter(|value| !value.is_null())),
        }
    }

    /// Takes a field and reads it with `read`, which knows what it must be.
    fn read<T>(
        &mut self,
        name: &str,
        must: &'static str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, RestError> {
        let value = self.take(name)?;
        let read = |value| read(value).ok_or_else(|| self.wrong(name, must));
        value.map(read).transpose()
    }

    /// A field that JSON has a type for; as good as empty if absent.
    fn typed<T: DeserializeOwned + Default>(
        &mut self,
        name: &str,
        must: &'static str,
    ) -> Result<T, RestError> {
        let value = self.read(name, must, |value| serde_json::from_value(value).ok())?;
        Ok(value.unwrap_or_default())
    }

    pub(super) fn text(&mut self, name: &str) -> Result<String, RestError> {
        self.typed(name, "be a text")
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<bool, RestError> {
        self.typed(name, "be true or false")
    }

    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, RestError> {
        self.typed(name, "be a list of texts")
    }

    pub(super) fn text_map(&mut self, name: &str) -> Result<BTreeMap<String, String>, RestError> {
        self.typed(name, "be an object of texts")
    }

    /// A whole number of 32 bits; 0 if absent.
    pub(super) fn number(&mut self, name: &str) -> Result<i32, RestError> {
        let number = self.read(name, "be a whole number", whole_number)?;
        Ok(number.unwrap_or_default())
    }

    /// A number in this range; 0 stands for the default.
    pub(super) fn ranged(
        &mut self,
        name: &str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> Result<u32, RestError> {
        let number = match self.number(name)? {
            0 => Some(default),
            number => u32::try_from(number).ok(),
        };
        let number = number.filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let (from, to) = range.into_inner();
            RestError::Invalid(format!("`{name}` must be from {from} to {to}"))
        })
    }

    pub(super) fn bytes(&mut self, name: &str) -> Result<Vec<u8>, RestError> {
        let bytes = self.read(name, "be base64", |value| bytes(value.as_str()?))?;
        Ok(bytes.unwrap_or_default())
    }

    /// A duration that is not negative.
    pub(super) fn duration(&mut self, name: &str) -> Result<Option<Duration>, RestError> {
        let must = "be a number of seconds such as `1.5s`";
        self.read(name, must, |value| duration(value.as_str()?))
    }

    pub(super) fn time(&mut self, name: &str) -> Result<Option<Timestamp>, RestError> {
        self.read(name, "be an RFC 3339 time", |value| time(value.as_str()?))
    }

    /// The short name of a topic, in `projects/P/topics/NAME`; none if absent.
    pub(super) fn topic(&mut self, name: &str) -> Result<Option<String>, RestError> {
        let must = "be a full name: projects/PROJECT/topics/TOPIC";
        self.read(name, must, |value| {
            let path = value.as_str()?.strip_prefix("projects/")?;
            let (project, short) = path.split_once("/topics/")?;
            let plain = !project.contains('/') && !short.contains('/');
            (plain && !project.is_empty()).then(|| short.to_owned())
        })
    }

    /// The name of what the request is about, which its path says already.
    pub(super) fn same_name(&mut self, name: &str, in_path: &str) -> Result<(), RestError> {
        let said = self.text(name)?;
        if said.is_empty() || said == in_path {
            Ok(())
        } else {
            Err(self.wrong(name, "be the name in the path"))
        }
    }

    pub(super) fn message(&mut self, name: &str) -> Result<Option<Self>, RestError> {
        let path = self.path_of(name);
        let value = self.take(name)?;
        value.map(|value| Self::of(path, value)).transpose()
    }

    pub(super) fn messages(&mut self, name: &str) -> Result<Vec<Self>, RestError> {
        let path = self.path_of(name);
        let list: Vec<Value> = self.typed(name, "be a list")?;
        let list = list.into_iter().enumerate();
        list.map(|(index, value)| Self::of(format!("{path}[{index}]"), value))
            .collect()
    }

    /// Takes fields that only answers have a use for.
    pub(super) fn ignore(&mut self, names: &[&str]) -> Result<(), RestError> {
        names.iter().try_for_each(|name| self.take(name).map(drop))
    }

    /// Refuses what would be ignored. A message says something by being there, if it is empty too.
    pub(super) fn refuse(&mut self, names: &[&str]) -> Result<(), RestError> {
        names.iter().try_for_each(|name| match self.take(name)? {
            Some(_) => Err(RestError::unsupported_setting(&self.path_of(name))),
            None => Ok(()),
        })
    }

    /// The same for flags, texts, lists and maps: empty is as good as absent.
    pub(super) fn refuse_unless_empty(&mut self, names: &[&str]) -> Result<(), RestError> {
        names.iter().try_for_each(|name| match self.take(name)? {
            Some(value) if !is_empty(&value) => {
                Err(RestError::unsupported_setting(&self.path_of(name)))
            }
            Some(_) | None => Ok(()),
        })
    }

    /// Nothing may be left that was not asked for.
    pub(super) fn end(self) -> Result<(), RestError> {
        match self.fields.keys().next() {
            Some(name) => Err(RestError::unknown_field(&self.path_of(name))),
            None => Ok(()),
        }
    }
}

/// Whether it says no more than a field that is absent.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// `ackIds` as `ack_ids`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Result<ProtoFields, RestError> {
        ProtoFields::of_body(Ok(Bytes::copy_from_slice(body.as_bytes())))
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let table = [
            (
                r#"{"list": [{"map": {"k": 1}}]}"#,
                "`list[0].map` must be an object of texts",
            ),
            (
                r#"{"list": [{"map": {"k": null}}]}"#,
                "`list[0].map` must be an object of texts",
            ),
            (
                r#"{"list": [{"map": []}]}"#,
                "`list[0].map` must be an object of texts",
            ),
            (
                r#"{"list": [{}, {"nope": null}]}"#,
                "`list[1].nope` is no field that is known here",
            ),
            (r#"{"list": [null]}"#, "`list[0]` must be an object"),
            (r#"{"list": {}}"#, "`list` must be a list"),
        ];
        for (body, expected) in table {
            let read = || {
                let mut all = fields(body)?;
                for mut one in all.messages("list")? {
                    one.text_map("map")?;
                    one.end()?;
                }
                all.end()
            };
            assert_eq!(read().unwrap_err().to_string(), expected, "{body}");
        }
        let mut twice = fields(r#"{"oneField": "", "one_field": ""}"#).unwrap();
        let error = twice.text("oneField").unwrap_err().to_string();
        assert_eq!(error, "`oneField` must be there once");
    }

    #[test]
    fn a_name_is_shown_only_so_far() {
        let error = fields(&format!(r#"{{"{}": 1}}"#, "ä".repeat(5_000_000)));
        let error = error.unwrap().end().unwrap_err().to_string();
        assert_eq!(
            error,
            format!("`{}` is no field that is known here", "ä".repeat(50))
        );
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_no_body_is_an_empty_one() {
        for body in ["\u{feff}{}", "", "\u{feff}", " {} "] {
            assert!(fields(body).unwrap().end().is_ok(), "{body:?}");
        }
        for body in ["null", "[]", "1", "{", "{'a': 1}"] {
            assert!(fields(body).is_err(), "{body:?}");
        }
    }
}
