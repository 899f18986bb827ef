//! Protobuf's JSON mapping, as requests are written in it: a field goes by either spelling, `null`
//! stands for a field that is absent, whole numbers may be texts, bytes are base64 in either
//! alphabet. What a request has and its method does not take is an error that names the field.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, Datelike as _};
use fanout_events::skip_byte_order_mark;
use fanout_runtime::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::RestError;

/// How much of a field's name an error shows: it may be a whole document.
const SHOWN: usize = 100;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
/// Both alphabets, with or without padding. gcloud sends the second.
const DECODERS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT),
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT),
];

/// The fields of one protobuf message that were not taken yet.
pub(super) struct ProtoFields {
    /// Of the message, within the request; empty for the request itself.
    path: String,
    fields: Map<String, Value>,
}

impl ProtoFields {
    /// Those of a request's body; no body counts as an empty object.
    pub(super) fn of_body(body: Result<Bytes, BytesRejection>) -> Result<Self, RestError> {
        let body = body.map_err(|_| RestError::BodyTooLarge)?;
        let body = skip_byte_order_mark(&body);
        let body = if body.is_empty() { b"{}" } else { body };
        // serde_json's own message may show values of the body.
        let body = serde_json::from_slice(body).map_err(|error| RestError::Malformed {
            line: error.line(),
            column: error.column(),
        })?;
        Self::of(String::new(), body)
    }

    fn of(path: String, value: Value) -> Result<Self, RestError> {
        match value {
            Value::Object(fields) => Ok(Self { path, fields }),
            _ => Err(RestError::Field {
                path,
                must: "be an object",
            }),
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
        let path = self.path_of(name);
        RestError::Field { path, must }
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

    /// Whether a flag is set.
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

    /// Bytes; none if absent.
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
            let parts: Vec<&str> = value.as_str()?.split('/').collect();
            match parts[..] {
                ["projects", project, "topics", short] if !project.is_empty() => {
                    Some(short.to_owned())
                }
                _ => None,
            }
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
            Some(_) => Err(RestError::UnsupportedSetting(self.path_of(name))),
            None => Ok(()),
        })
    }

    /// The same for flags, texts, lists and maps: empty is as good as absent.
    pub(super) fn refuse_unless_empty(&mut self, names: &[&str]) -> Result<(), RestError> {
        names.iter().try_for_each(|name| match self.take(name)? {
            Some(value) if !is_empty(&value) => {
                Err(RestError::UnsupportedSetting(self.path_of(name)))
            }
            Some(_) | None => Ok(()),
        })
    }

    /// Nothing may be left that was not asked for.
    pub(super) fn end(self) -> Result<(), RestError> {
        match self.fields.keys().next() {
            Some(name) => Err(RestError::UnknownField(self.path_of(name))),
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

/// A number or a text of one, with no fraction left.
fn whole_number(value: Value) -> Option<i32> {
    let number = match value {
        Value::String(text) if text.starts_with('+') => return None,
        Value::String(text) => text.parse().ok()?,
        other => other.as_f64()?,
    };
    let held = f64::from(i32::MIN)..=f64::from(i32::MAX);
    (number.fract() == 0.0 && held.contains(&number)).then_some(number as i32)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut decoders = DECODERS.iter();
    decoders.find_map(|decoder| decoder.decode(text).ok())
}

/// Seconds with at most nine digits behind the point.
fn duration(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    let (seconds, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str, most| {
        (1..=most).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit())
    };
    let well_formed = digits(seconds, 12) && digits(fraction, 9);
    let seconds = number.parse().ok().filter(|_| well_formed)?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// How a duration is written, to the millisecond.
pub(super) fn duration_text(duration: Duration) -> String {
    match (duration.as_secs(), duration.subsec_millis()) {
        (seconds, 0) => format!("{seconds}s"),
        (seconds, milliseconds) => format!("{seconds}.{milliseconds:03}s"),
    }
}

/// From the year 1 to the year 9999. chrono would take small letters and a blank for the `T` too.
fn time(text: &str) -> Option<Timestamp> {
    let capitals = text.as_bytes().get(10) == Some(&b'T') && !text.ends_with('z');
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (capitals && (1..=9999).contains(&time.year())).then_some(time)
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

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for (value, expected) in [
            ("3", Some(3)),
            (r#""3""#, Some(3)),
            ("3.0", Some(3)),
            ("3e2", Some(300)),
            (r#""3e2""#, Some(300)),
            ("-3", Some(-3)),
            ("2147483647", Some(i32::MAX)),
            ("2147483648", None),
            ("3.5", None),
            (r#""x""#, None),
            (r#""""#, None),
            (r#"" 3""#, None),
            (r#""+3""#, None),
            (r#""NaN""#, None),
            (r#""Infinity""#, None),
            ("true", None),
            ("[3]", None),
        ] {
            assert_eq!(
                whole_number(serde_json::from_str(value).unwrap()),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn a_duration_is_seconds_with_nine_digits_at_most() {
        for (value, milliseconds) in [
            ("1s", Some(1_000)),
            ("1.5s", Some(1_500)),
            ("0.000000001s", Some(0)),
            ("0s", Some(0)),
            ("1", None),
            ("1.s", None),
            (".5s", None),
            ("1e3s", None),
            ("-1s", None),
            ("0.0000000001s", None),
            ("infs", None),
        ] {
            let found = duration(value).map(|duration| duration.as_millis());
            assert_eq!(found, milliseconds, "{value}");
        }
        assert_eq!(duration_text(Duration::from_millis(1_500)), "1.500s");
        assert_eq!(duration_text(Duration::from_secs(600)), "600s");
    }

    #[test]
    fn a_time_is_one_that_protobuf_can_hold() {
        for good in [
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            "2026-11-26T22:00:00+02:00",
        ] {
            assert!(time(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "2026-11-26",
            "2026-11-26T22:00:00",
            "2026-11-26 22:00:00Z",
            "2026-11-26t22:00:00z",
            "9999-12-31T23:59:59-01:00",
            "0001-01-01T00:00:00+01:00",
            "10000-01-01T00:00:00Z",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    #[test]
    fn bytes_are_base64_in_one_alphabet() {
        for (value, expected) in [
            ("aGk=", Some("hi")),
            ("aGk", Some("hi")),
            ("Pj4_", Some(">>?")),
            ("Pj4/", Some(">>?")),
            ("", Some("")),
            ("_-8/", None),
            ("aGl=", None),
            ("aG\nk=", None),
            ("hello world", None),
        ] {
            let expected = expected.map(|text| text.as_bytes().to_vec());
            assert_eq!(bytes(value), expected, "{value}");
        }
    }
}
