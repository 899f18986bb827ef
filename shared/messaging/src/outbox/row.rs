//! One row of the outbox: a message that is to be published.

use std::collections::BTreeMap;

use fanout_events::{Event, attributes};
use fanout_runtime::{Timestamp, TraceContext};
use fanout_store::{Fields, Key, MalformedDocument, Value, Write};

use crate::OutgoingMessage;

/// The collection of rows.
pub const OUTBOX: &str = "outbox";

/// A message that is to be published.
#[derive(Clone, PartialEq)]
pub struct OutboxRow {
    /// The event's id, and the row's.
    pub event_id: String,
    /// What the event is about; also the ordering key.
    pub subject: String,
    /// The event's place among its subject's.
    pub sequence: u64,
    /// When it was stored.
    pub created_at: Timestamp,
    data: String,
    attributes: BTreeMap<String, String>,
}

/// An event that cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("the event cannot be written as JSON")]
pub struct UnwritableEvent(#[from] serde_json::Error);

impl OutboxRow {
    pub(super) fn of(
        event: &Event,
        trace: Option<&TraceContext>,
        created_at: Timestamp,
    ) -> Result<Self, UnwritableEvent> {
        let traceparent = trace.map(TraceContext::to_string);
        Ok(Self {
            event_id: event.id.clone(),
            subject: event.subject.clone(),
            sequence: event.sequence,
            created_at,
            data: serde_json::to_string(event)?,
            attributes: attributes(event, traceparent.as_deref()),
        })
    }

    pub(super) fn message(&self) -> OutgoingMessage {
        OutgoingMessage {
            data: self.data.clone().into(),
            attributes: self.attributes.clone(),
            ordering_key: self.subject.clone(),
        }
    }

    /// Stores the row.
    pub(super) fn create(&self) -> Write {
        Write::create(self.key(), self.to_fields())
    }

    /// Removes the row, which has been published.
    pub(super) fn delete(&self) -> Write {
        Write::delete(self.key())
    }

    fn key(&self) -> Key {
        Key::new(OUTBOX, &self.event_id)
    }

    fn to_fields(&self) -> Fields {
        let attributes = self.attributes.iter();
        let attributes = attributes.map(|(name, value)| (name.clone(), value.as_str().into()));
        Fields::new()
            .with("event_id", self.event_id.as_str())
            .with("subject", self.subject.as_str())
            .with("sequence", self.sequence)
            .with("created_at", self.created_at)
            .with("data", self.data.as_str())
            .with("attributes", Value::Map(attributes.collect()))
    }

    pub(super) fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let Some(Value::Map(stored)) = fields.get("attributes") else {
            return Err(MalformedDocument {
                field: "attributes".to_owned(),
                expected: "a map",
            });
        };
        let attribute =
            |(name, _): (&str, &Value)| Ok((name.to_owned(), stored.text(name)?.to_owned()));
        Ok(Self {
            event_id: fields.text("event_id")?.to_owned(),
            subject: fields.text("subject")?.to_owned(),
            sequence: fields.count("sequence")?,
            created_at: fields.timestamp("created_at")?,
            data: fields.text("data")?.to_owned(),
            attributes: stored.iter().map(attribute).collect::<Result<_, _>>()?,
        })
    }
}
