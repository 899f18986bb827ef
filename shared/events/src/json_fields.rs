//! Reading fields from JSON with errors that name the field and never show its value: serde's own
//! messages quote what they found, which may be an address.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::identifier::{MUST_BE, is_identifier};

/// A field that is missing or not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct WrongField {
    field: String,
    fault: String,
}

/// The largest sequence: 2^53 - 1, the last whole number that every JSON reader keeps (RFC 8259,
/// section 6). A larger one would outrank all later events of its subject.
pub(crate) const LARGEST_COUNT: u64 = (1 << 53) - 1;

/// The fields of a JSON object; `prefix` is its own path, for the errors.
#[derive(Clone, Copy)]
pub struct JsonFields<'a> {
    prefix: &'static str,
    object: &'a Map<String, Value>,
}

impl<'a> JsonFields<'a> {
    /// The fields of `object`.
    pub fn new(prefix: &'static str, object: &'a Map<String, Value>) -> Self {
        Self { prefix, object }
    }

    /// A field's value as it is.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    /// That something is wrong with a field; `fault` shows nothing of its value.
    pub fn wrong(&self, name: &str, fault: impl Into<String>) -> WrongField {
        WrongField {
            field: format!("{}{name}", self.prefix),
            fault: fault.into(),
        }
    }

    /// A string that `parse` takes, whose error shows nothing of it.
    pub fn parse<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, WrongField> {
        parse(self.text(name)?).map_err(|fault| self.wrong(name, fault.to_string()))
    }

    /// A string that is not empty.
    pub fn text(&self, name: &str) -> Result<&'a str, WrongField> {
        match self.object.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            Some(_) => Err(self.wrong(name, "must be a string that is not empty")),
            None => Err(self.wrong(name, "is missing")),
        }
    }

    /// A string, or `None` where the field is null or missing.
    pub fn optional_text(&self, name: &str) -> Result<Option<&'a str>, WrongField> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.text(name).map(Some),
        }
    }

    /// A text that can name something: see [`is_identifier`].
    pub fn identifier(&self, name: &str) -> Result<&'a str, WrongField> {
        let text = self.text(name)?;
        if is_identifier(text) {
            Ok(text)
        } else {
            Err(self.wrong(name, MUST_BE))
        }
    }

    /// An identifier, or `None` where the field is null or missing.
    pub fn optional_identifier(&self, name: &str) -> Result<Option<&'a str>, WrongField> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.identifier(name).map(Some),
        }
    }

    /// The name of something else that the event only points to. One that cannot be used is left
    /// out: it helps to search, and nothing depends on it.
    pub(crate) fn link(&self, name: &str) -> Result<Option<&'a str>, WrongField> {
        Ok(self.optional_text(name)?.filter(|text| is_identifier(text)))
    }

    /// A whole number from 1, below 2^53. `1.0` is one, as JSON Schema has it.
    pub fn count(&self, name: &str) -> Result<u64, WrongField> {
        match self.object.get(name) {
            Some(value) => whole_number(value)
                .filter(|count| (1..=LARGEST_COUNT).contains(count))
                .ok_or_else(|| self.wrong(name, "must be a whole number from 1, below 2^53")),
            None => Err(self.wrong(name, "is missing")),
        }
    }

    /// An object.
    pub fn object(&self, name: &str) -> Result<&'a Map<String, Value>, WrongField> {
        match self.object.get(name) {
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(self.wrong(name, "must be an object")),
            None => Err(self.wrong(name, "is missing")),
        }
    }
}

fn whole_number(value: &Value) -> Option<u64> {
    let whole =
        |number: &f64| number.fract() == 0.0 && (0.0..=LARGEST_COUNT as f64).contains(number);
    value
        .as_u64()
        .or_else(|| value.as_f64().filter(whole).map(|number| number as u64))
}
