//! Reading fields from JSON with errors that name the field and never show its value: serde's own
//! messages quote what they found, which may be an address.

use serde_json::{Map, Value};

use crate::identifier::{MUST_BE, is_identifier};

/// A field that is missing or not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct WrongField {
    field: String,
    fault: String,
}

/// The fields of a JSON object; `prefix` is its own path, for the errors.
pub(crate) struct JsonFields<'a> {
    prefix: &'static str,
    object: &'a Map<String, Value>,
}

impl<'a> JsonFields<'a> {
    pub(crate) fn new(prefix: &'static str, object: &'a Map<String, Value>) -> Self {
        Self { prefix, object }
    }

    pub(crate) fn wrong(&self, name: &str, fault: impl Into<String>) -> WrongField {
        WrongField {
            field: format!("{}{name}", self.prefix),
            fault: fault.into(),
        }
    }

    /// A string that is not empty.
    pub(crate) fn text(&self, name: &str) -> Result<&'a str, WrongField> {
        match self.object.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            Some(_) => Err(self.wrong(name, "must be a string that is not empty")),
            None => Err(self.wrong(name, "is missing")),
        }
    }

    /// A string, or `None` where the field is null or missing.
    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<&'a str>, WrongField> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.text(name).map(Some),
        }
    }

    /// A text that can name something: see [`is_identifier`].
    pub(crate) fn identifier(&self, name: &str) -> Result<&'a str, WrongField> {
        let text = self.text(name)?;
        match is_identifier(text) {
            true => Ok(text),
            false => Err(self.wrong(name, MUST_BE)),
        }
    }

    /// An identifier, or `None` where the field is null or missing.
    pub(crate) fn optional_identifier(&self, name: &str) -> Result<Option<&'a str>, WrongField> {
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

    /// A whole number from 1.
    pub(crate) fn count(&self, name: &str) -> Result<u64, WrongField> {
        match self.object.get(name) {
            Some(value) => value
                .as_u64()
                .filter(|count| (1..=i64::MAX as u64).contains(count))
                .ok_or_else(|| self.wrong(name, "must be a whole number from 1")),
            None => Err(self.wrong(name, "is missing")),
        }
    }

    /// An object.
    pub(crate) fn object(&self, name: &str) -> Result<&'a Map<String, Value>, WrongField> {
        match self.object.get(name) {
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(self.wrong(name, "must be an object")),
            None => Err(self.wrong(name, "is missing")),
        }
    }
}
