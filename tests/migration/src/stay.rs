//! What is booked.

use fanout_events::{JsonFields, WrongField};
use fanout_store::{Fields, MalformedDocument};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a guest books.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
pub struct Stay {
    /// The room.
    pub room: String,
    /// For how many nights, from 1.
    pub nights: u64,
}

impl Stay {
    /// Reads one out of an event.
    pub fn read(data: &JsonFields<'_>) -> Result<Self, WrongField> {
        Ok(Self {
            room: data.identifier("room")?.to_owned(),
            nights: data.count("nights")?,
        })
    }

    /// As it is stored.
    pub fn to_fields(&self) -> Fields {
        Fields::new()
            .with("room", self.room.as_str())
            .with("nights", self.nights)
    }

    /// As it was stored.
    pub fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        Ok(Self {
            room: fields.text("room")?.to_owned(),
            nights: fields.count("nights")?,
        })
    }
}
