//! An event that is to be stored, as its author says it.

use std::fmt;

use fanout_events::{Envelope, Event, EventType, Metadata};
use fanout_runtime::{Timestamp, TraceContext, id_of};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::SchemasUrl;

/// An event that is to be stored: what happened, to what, in which place. Id, source, time and
/// causes are filled in where it is stored.
///
/// `Debug` shows nothing of its data, which holds addresses and names.
#[derive(Clone)]
pub struct Draft {
    pub(super) event_type: &'static str,
    pub(super) topic: &'static str,
    pub(super) subject: String,
    pub(super) sequence: u64,
    pub(super) ordered: bool,
    timestamp: Option<Timestamp>,
    metadata: Metadata,
    data: Box<RawValue>,
    pub(super) flow: Option<&'static str>,
}

/// An event that cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("the event cannot be written as JSON")]
pub struct UnwritableEvent(#[from] serde_json::Error);

/// What led to an event.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The request that started it all.
    pub correlation_id: Option<String>,
    /// The event that caused it, if one did.
    pub causation_id: Option<String>,
    /// The trace that it belongs to.
    pub trace: Option<TraceContext>,
}

impl Draft {
    /// A fact about `subject`, the `sequence`th event of it. A subject belongs to one service, which
    /// counts its events from 1 without gaps.
    pub fn of<T: EventType>(
        subject: impl Into<String>,
        sequence: u64,
        data: &T,
    ) -> Result<Self, UnwritableEvent> {
        Ok(Self {
            event_type: T::TYPE,
            topic: T::DOMAIN.topic,
            subject: subject.into(),
            sequence,
            ordered: true,
            timestamp: None,
            metadata: T::metadata(),
            data: to_raw_value(data)?,
            flow: data.flow(),
        })
    }

    /// A request to another service, or a word that belongs to a process: [`Draft::about`] says what
    /// it is about. It waits for no other event.
    pub fn request<T: EventType>(data: &T) -> Result<Self, UnwritableEvent> {
        Ok(Self::of("", 0, data)?.unordered())
    }

    /// The same, with one more field in its data.
    pub fn carrying(self, name: &str, value: &impl Serialize) -> Result<Self, UnwritableEvent> {
        let mut data: Map<String, Value> = serde_json::from_str(self.data.get())?;
        data.insert(name.to_owned(), serde_json::to_value(value)?);
        let data = to_raw_value(&data)?;
        Ok(Self { data, ..self })
    }

    /// The same, about this subject, in this place.
    pub fn about(self, subject: impl Into<String>, sequence: u64) -> Self {
        Self {
            subject: subject.into(),
            sequence,
            ..self
        }
    }

    /// Its data, as JSON.
    pub fn data(&self) -> &str {
        self.data.get()
    }

    /// The name of its type.
    pub fn event_type(&self) -> &'static str {
        self.event_type
    }

    /// When it happened; by default, when it is stored.
    pub fn at(self, timestamp: Timestamp) -> Self {
        Self {
            timestamp: Some(timestamp),
            ..self
        }
    }

    /// Without an ordering key: it waits for no other event, neither in the outbox nor on the bus.
    /// For requests, which are idempotent by their fence: an undo must not wait behind a do that
    /// keeps failing.
    pub fn unordered(self) -> Self {
        Self {
            ordered: false,
            ..self
        }
    }

    /// With its schema at another place, under the same path.
    pub(super) fn with_schema_at(self, url: &SchemasUrl) -> Self {
        let schema = self.metadata.schema.map(|schema| url.instead_of(&schema));
        let metadata = Metadata {
            schema,
            ..self.metadata
        };
        Self { metadata, ..self }
    }

    pub(super) fn event(
        &self,
        id: String,
        source: &str,
        origin: &Origin,
        now: Timestamp,
    ) -> Envelope<&RawValue> {
        Envelope {
            id,
            event_type: self.event_type.to_owned(),
            source: source.to_owned(),
            subject: self.subject.clone(),
            sequence: self.sequence,
            timestamp: self.timestamp.unwrap_or(now),
            correlation_id: origin.correlation_id.clone(),
            causation_id: origin.causation_id.clone(),
            data: &self.data,
            metadata: self.metadata.clone(),
        }
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Draft")
            .field("event_type", &self.event_type)
            .field("subject", &self.subject)
            .field("sequence", &self.sequence)
            .field("bytes", &self.data.get().len())
            .finish_non_exhaustive()
    }
}

impl Origin {
    /// Of what a reaction to `event` emits. An event that names no request (it was typed by hand)
    /// is itself what started it all.
    pub fn caused_by(event: &Event, trace: Option<TraceContext>) -> Self {
        let correlation_id = event.correlation_id.as_ref().unwrap_or(&event.id);
        Self {
            correlation_id: Some(correlation_id.clone()),
            causation_id: Some(event.id.clone()),
            trace,
        }
    }
}

/// The id of the `number`th event (from 0) of its type that `consumer` emits because of `cause`.
/// Made of these alone, so that planning again makes the same event.
pub fn caused_event_id(cause: &str, consumer: &str, event_type: &str, number: usize) -> String {
    // A line break is in none of them.
    let text = format!("{cause}\n{consumer}\n{event_type}\n{number}");
    id_of("evt", &Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_caused_id_follows_from_its_cause_and_from_nothing_else() {
        let id = caused_event_id("evt_1", "order", "order.confirmed", 0);
        assert_eq!(id, "evt_E1244V0FRN54P3GD0SJ7TRSFNB");
        let others = [
            caused_event_id("evt_2", "order", "order.confirmed", 0),
            caused_event_id("evt_1", "crm", "order.confirmed", 0),
            caused_event_id("evt_1", "order", "order.cancelled", 0),
            caused_event_id("evt_1", "order", "order.confirmed", 1),
            id,
        ];
        assert_eq!(BTreeSet::from(others).len(), 5);
    }
}
