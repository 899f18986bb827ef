//! One row of the outbox: a message that is to be published.

use std::collections::BTreeMap;

use fanout_events::{Event, attributes};
use fanout_runtime::{Timestamp, TraceContext};
use fanout_store::{Collection, Fields, Key, MalformedDocument, Value, Write, ascending};

use fanout_bus::OutgoingMessage;

/// The collection of rows.
pub const OUTBOX: &Collection = &Collection::named("outbox").indexes(&[
    &[ascending("created_at")],
    &[ascending("subject")],
    &[ascending("correlation_id")],
    &[ascending("causation_id")],
    &[ascending("subject"), ascending("sequence")],
]);

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
    /// The event's type.
    pub event_type: String,
    /// The request that started it all.
    pub correlation_id: Option<String>,
    /// The event that caused it.
    pub causation_id: Option<String>,
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
            event_type: event.event_type.clone(),
            correlation_id: event.correlation_id.clone(),
            causation_id: event.causation_id.clone(),
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

    /// Where the row of an event is.
    pub(super) fn key_of(event_id: &str) -> Key {
        Key::new(OUTBOX, event_id)
    }

    fn key(&self) -> Key {
        Self::key_of(&self.event_id)
    }

    fn to_fields(&self) -> Fields {
        let attributes = self.attributes.iter();
        let attributes = attributes.map(|(name, value)| (name.clone(), value.as_str().into()));
        Fields::new()
            .with("event_id", self.event_id.as_str())
            .with("subject", self.subject.as_str())
            .with("sequence", self.sequence)
            .with("created_at", self.created_at)
            // For whoever looks the event up; the relay sends what `data` says.
            .with("event_type", self.event_type.as_str())
            .with("correlation_id", self.correlation_id.as_deref())
            .with("causation_id", self.causation_id.as_deref())
            .with("data", self.data.as_str())
            .with("attributes", Value::Map(attributes.collect()))
    }

    /// The document as a row. A row of before type and ids were stored in it has an empty type and no
    /// ids.
    pub(super) fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
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
            event_type: owned(fields.optional_text("event_type")?).unwrap_or_default(),
            correlation_id: owned(fields.optional_text("correlation_id")?),
            causation_id: owned(fields.optional_text("causation_id")?),
            data: fields.text("data")?.to_owned(),
            attributes: stored.iter().map(attribute).collect::<Result<_, _>>()?,
        })
    }
}
