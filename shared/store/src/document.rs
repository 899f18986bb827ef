//! Documents and their fields.

use std::fmt;
use std::sync::Arc;

use fanout_runtime::Timestamp;

use crate::Key;

/// A document as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Where it is.
    pub key: Key,
    /// What it holds.
    pub fields: Fields,
    /// Changes with every write that changes the document; see [`crate::Precondition::UpdatedAt`].
    pub update_time: UpdateTime,
}

/// The version of a document: nanoseconds since 1970, as the store counts them.
///
/// Only good for comparing with itself, and for a rough age: it is the store's clock, not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpdateTime(pub i64);

impl UpdateTime {
    /// When the document was last changed, by the store's clock.
    pub fn moment(self) -> Timestamp {
        Timestamp::from_timestamp_nanos(self.0)
    }
}

/// The fields of a document, sorted by name: few, so that a list is found through sooner than a map. A
/// clone shares them until one of both is changed: what is to be committed is kept for another try, which
/// is seldom made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(Arc<Vec<(String, Value)>>);

/// A field's value. `Debug` shows the kind only: documents hold addresses and names.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// Nothing, but present.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Double(f64),
    /// UTF-8 text.
    Text(String),
    /// A moment, with milliseconds at most: what every adapter keeps.
    Timestamp(Timestamp),
    /// Values in order.
    Array(Vec<Value>),
    /// Values by name.
    Map(Fields),
    /// Of a kind that no adapter writes, which this is the name of: somebody changed the document by
    /// hand. Its other fields can be read, and it is refused wherever one is written.
    Foreign(&'static str),
}

impl Value {
    /// Whether one of such a kind is in it.
    pub fn holds_foreign(&self) -> bool {
        match self {
            Self::Foreign(_) => true,
            Self::Array(items) => items.iter().any(Self::holds_foreign),
            Self::Map(fields) => fields.iter().any(|(_, it)| it.holds_foreign()),
            Self::Null
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::Double(_)
            | Self::Text(_)
            | Self::Timestamp(_) => false,
        }
    }
}

/// A stored document that lacks a field or has it in another type. Shows no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored document has no field `{field}` that is {expected}")]
pub struct MalformedDocument {
    /// The field.
    pub field: String,
    /// What it must be.
    pub expected: &'static str,
}

impl Fields {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// These fields and one more; `None` leaves the field out.
    pub fn with<V: IntoField>(mut self, name: &str, value: V) -> Self {
        if let Some(value) = value.into_field() {
            self.set(name, value);
        }
        self
    }

    /// Sets one field.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let (place, value) = (self.place(name), value.into());
        let fields = Arc::make_mut(&mut self.0);
        match place {
            Ok(place) => fields[place].1 = value,
            Err(place) => fields.insert(place, (name.to_owned(), value)),
        }
    }

    /// Leaves one field out.
    pub fn remove(&mut self, name: &str) {
        if let Ok(place) = self.place(name) {
            Arc::make_mut(&mut self.0).remove(place);
        }
    }

    /// A field's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.place(name).ok().map(|place| &self.0[place].1)
    }

    /// Where a field is, or would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(other, _)| other.as_str().cmp(name))
    }

    /// All fields, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text that must be there.
    pub fn text(&self, name: &str) -> Result<&str, MalformedDocument> {
        match self.get(name) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(malformed(name, "a text")),
        }
    }

    /// A text that may be absent or null.
    pub fn optional_text(&self, name: &str) -> Result<Option<&str>, MalformedDocument> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.text(name).map(Some),
        }
    }

    /// A whole number that must be there.
    pub fn integer(&self, name: &str) -> Result<i64, MalformedDocument> {
        match self.get(name) {
            Some(Value::Integer(number)) => Ok(*number),
            _ => Err(malformed(name, "a whole number")),
        }
    }

    /// A count from 0 that must be there.
    pub fn count(&self, name: &str) -> Result<u64, MalformedDocument> {
        u64::try_from(self.integer(name)?).map_err(|_| malformed(name, "a count from 0"))
    }

    /// True or false; absent counts as false.
    pub fn flag(&self, name: &str) -> Result<bool, MalformedDocument> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Boolean(flag)) => Ok(*flag),
            Some(_) => Err(malformed(name, "true or false")),
        }
    }

    /// A moment that must be there.
    pub fn timestamp(&self, name: &str) -> Result<Timestamp, MalformedDocument> {
        match self.get(name) {
            Some(Value::Timestamp(time)) => Ok(*time),
            _ => Err(malformed(name, "a timestamp")),
        }
    }

    /// A moment that may be absent or null.
    pub fn optional_timestamp(&self, name: &str) -> Result<Option<Timestamp>, MalformedDocument> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.timestamp(name).map(Some),
        }
    }
}

impl FromIterator<(String, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Self {
        let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
        // As in a map, the last of those that share a name stays.
        fields.reverse();
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        fields.dedup_by(|(a, _), (b, _)| a == b);
        Self(Arc::new(fields))
    }
}

impl IntoIterator for Fields {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

fn malformed(field: &str, expected: &'static str) -> MalformedDocument {
    MalformedDocument {
        field: field.to_owned(),
        expected,
    }
}

/// What [`Fields::with`] takes: a value, or an `Option` of one.
pub trait IntoField {
    /// The value, or `None` to leave the field out.
    fn into_field(self) -> Option<Value>;
}

impl<V: Into<Value>> IntoField for V {
    fn into_field(self) -> Option<Value> {
        Some(self.into())
    }
}

impl<V: Into<Value>> IntoField for Option<V> {
    fn into_field(self) -> Option<Value> {
        self.map(Into::into)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(i64::from(number))
    }
}

impl From<u64> for Value {
    /// Counts beyond `i64::MAX` do not occur; one would be kept as the largest.
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Timestamp(fanout_runtime::whole_milliseconds(time))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Null => "Null",
            Self::Boolean(_) => "Boolean(..)",
            Self::Integer(_) => "Integer(..)",
            Self::Double(_) => "Double(..)",
            Self::Text(_) => "Text(..)",
            Self::Timestamp(_) => "Timestamp(..)",
            Self::Array(_) => "Array(..)",
            Self::Map(_) => "Map(..)",
            Self::Foreign(_) => "Foreign(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_sorted_and_the_last_of_a_name_stays() {
        let pairs = [("b", 1_u64), ("a", 2), ("b", 3), ("c", 4), ("b", 5)];
        let collected: Fields = pairs
            .iter()
            .map(|(name, it)| (String::from(*name), (*it).into()))
            .collect();
        let set = pairs
            .iter()
            .fold(Fields::new(), |fields, (name, it)| fields.with(name, *it));
        let expected = [("a", 2), ("b", 5), ("c", 4)].map(|(name, it)| (name, Value::Integer(it)));
        for mut fields in [collected, set] {
            let kept: Vec<(&str, &Value)> = fields.iter().collect();
            assert_eq!(kept, expected.each_ref().map(|(name, it)| (*name, it)));
            fields.remove("b");
            fields.remove("d");
            assert_eq!((fields.get("b"), fields.iter().count()), (None, 2));
        }
    }

    #[test]
    fn a_field_of_another_type_is_an_error_that_shows_no_value() {
        let fields = Fields::new().with("email", "ada@example.com");
        let error = fields.integer("email").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the stored document has no field `email` that is a whole number"
        );
        assert!(!format!("{fields:?}").contains("ada"));
    }
}
