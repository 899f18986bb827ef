//! The envelope: what every event carries, whatever happened.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{DecodeError, EventType, JsonFields, Version};

/// An event as it is published. `D` is its data: [`Data`] on the wire, an [`EventType`] once it has
/// been read.
///
/// All texts but the schema are identifiers (see [`is_identifier`](crate::is_identifier)): they may
/// be logged and be part of a document's id.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Envelope<D> {
    /// Unique for ever; what deduplication goes by.
    pub id: String,
    /// A fact in the past tense, dotted: `user.created`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The service that says so.
    pub source: String,
    /// What it happened to; also the ordering key.
    pub subject: String,
    /// Counts the subject's events from 1, without gaps, below 2^53.
    pub sequence: u64,
    /// When it happened, in UTC, with milliseconds.
    #[serde(serialize_with = "milliseconds")]
    pub timestamp: DateTime<Utc>,
    /// The request that started it all; the same in every event that follows from it.
    pub correlation_id: Option<String>,
    /// The event that caused this one, if one did.
    pub causation_id: Option<String>,
    /// What happened.
    pub data: D,
    /// How `data` is to be read.
    pub metadata: Metadata,
}

/// How an event's data is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// `MAJOR.MINOR`. A higher minor only adds fields.
    pub version: String,
    /// Where the data's schema is published.
    pub schema: Option<String>,
}

/// An event whose data has not been read as a type yet.
pub type Event = Envelope<Data>;

/// An event's data as it arrived. `Debug` shows nothing of it: it holds addresses and names.
#[derive(Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Data(pub Map<String, Value>);

impl fmt::Debug for Data {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Data(..)")
    }
}

impl Event {
    /// The event with its data read as `T`, in whatever version it came; whether it is of that type
    /// is for the caller to know.
    pub fn read<T: EventType>(&self) -> Result<Envelope<T>, DecodeError> {
        let version = Version::read_as::<T>(&self.metadata.version).map_err(|error| {
            let metadata = Map::new();
            JsonFields::new("metadata.", &metadata).wrong("version", error.to_string())
        })?;
        let fields = JsonFields::new("data.", &self.data.0);
        let data = T::decode(&fields, version)?;
        match data.repeats_subject() {
            Some((field, value)) if value != self.subject => {
                Err(fields.wrong(field, "must be the event's subject").into())
            }
            Some(_) | None => Ok(self.with_data(data)),
        }
    }

    fn with_data<D>(&self, data: D) -> Envelope<D> {
        Envelope {
            id: self.id.clone(),
            event_type: self.event_type.clone(),
            source: self.source.clone(),
            subject: self.subject.clone(),
            sequence: self.sequence,
            timestamp: self.timestamp,
            correlation_id: self.correlation_id.clone(),
            causation_id: self.causation_id.clone(),
            data,
            metadata: self.metadata.clone(),
        }
    }
}

impl<D: Serialize> Envelope<D> {
    /// The message data as published: JSON, UTF-8, fields in the documented order.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

fn milliseconds<S: Serializer>(time: &DateTime<Utc>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
