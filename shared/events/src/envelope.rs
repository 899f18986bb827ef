//! The envelope: what every event carries, whatever happened.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::{UserCreated, UserDeleted, UserUpdated};

/// An event as it is published. `D` is its data: [`Payload`] once decoded, JSON on the wire.
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
    /// Counts the subject's events from 1, without gaps.
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

/// An event that has been decoded, or is about to be published.
pub type Event = Envelope<Payload>;

/// The data of the event types this system knows, in their newest version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Payload {
    /// `user.created`
    UserCreated(UserCreated),
    /// `user.updated`
    UserUpdated(UserUpdated),
    /// `user.deleted`
    UserDeleted(UserDeleted),
    /// A type that is not ours to read. Consumers ignore it; it is never published.
    Unknown,
}

impl Payload {
    /// The name on the wire; empty for an unknown type.
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::UserCreated(_) => UserCreated::TYPE,
            Self::UserUpdated(_) => UserUpdated::TYPE,
            Self::UserDeleted(_) => UserDeleted::TYPE,
            Self::Unknown => "",
        }
    }

    /// Version and schema that new events of this type carry.
    pub fn metadata(&self) -> Metadata {
        let (version, schema) = match self {
            Self::UserCreated(_) => (UserCreated::VERSION, Some(UserCreated::SCHEMA)),
            Self::UserUpdated(_) => (UserUpdated::VERSION, Some(UserUpdated::SCHEMA)),
            Self::UserDeleted(_) => (UserDeleted::VERSION, Some(UserDeleted::SCHEMA)),
            Self::Unknown => ("", None),
        };
        Metadata {
            version: version.to_owned(),
            schema: schema.map(str::to_owned),
        }
    }
}

impl<D: Serialize> Envelope<D> {
    /// The message data as published: JSON, UTF-8, fields in the documented order.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

fn milliseconds<S: Serializer>(time: &DateTime<Utc>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
