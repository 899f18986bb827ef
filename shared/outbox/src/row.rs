//! One row of the event store: an event as it was or will be published.

use std::collections::BTreeMap;
use std::time::Duration;

use fanout_bus::{OutgoingMessage, PushedMessage, trace_of};
use fanout_events::{FLOW, attributes};
use fanout_runtime::{Timestamp, TraceContext, later};
use fanout_store::{
    Collection, Fields, Key, MalformedDocument, Precondition, UpdateTime, Value, Write, ascending,
    descending,
};
use fanout_telemetry::{Traced, created};
use sha2::{Digest, Sha256};

use crate::draft::{Draft, Origin, UnwritableEvent};

/// The collection of rows.
pub const EVENTS: &Collection = &Collection::named("events")
    .indexes(&[
        &[ascending("waiting"), ascending("recorded_at")],
        &[ascending("subject"), ascending("sequence")],
        // Of rows that are kept for ever, which alone have a stream.
        &[ascending(STREAM), descending("sequence")],
        &[ascending(STREAM), descending("recorded_at")],
        &[ascending("shard"), ascending("recorded_at")],
        &[
            ascending("type"),
            ascending("shard"),
            ascending("recorded_at"),
        ],
        &[ascending("correlation_id")],
        &[ascending("causation_id")],
    ])
    .no_automatic_indexes()
    .expires_by("expires_at");

/// How many shards the times of rows are spread over: an index on a time that rises holds Firestore
/// to a few hundred writes a second, so each shard has its own.
pub const SHARDS: u64 = 16;

/// How many characters of a bus's refusal are kept.
const MOST_OF_REFUSAL: usize = 300;

/// The field that a row has as long as it waits: its shard.
pub(super) const WAITING: &str = "waiting";

/// The field that a row has if it is kept for ever: its subject once more.
const STREAM: &str = "stream";

/// The field with what is kept beside such an event.
const LASTING: &str = "lasting";

/// How far an event has come on its way to the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is still to be published.
    Waiting {
        /// Why the bus would not take it, if it has refused it for good.
        refusal: Option<String>,
    },
    /// It was published then.
    Published(Timestamp),
    /// An operator took it out of waiting, and it was not published.
    Skipped(Skipped),
}

/// An operator's word that an event is not to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// When.
    pub at: Timestamp,
    /// Why, in the operator's words.
    pub reason: String,
}

/// An event as it was or will be published.
#[derive(Clone, PartialEq)]
pub struct EventRow {
    /// The event's id, and the row's.
    pub event_id: String,
    /// The service that says so.
    pub source: String,
    /// The topic it goes to.
    pub topic: String,
    /// The event's type.
    pub event_type: String,
    /// What the event is about.
    pub subject: String,
    /// The event's place among its subject's.
    pub sequence: u64,
    /// When it was stored.
    pub recorded_at: Timestamp,
    /// How far it has come.
    pub standing: Standing,
    /// The request that started it all.
    pub correlation_id: Option<String>,
    /// The event that caused it.
    pub causation_id: Option<String>,
    /// Messages with the same key keep their order; empty for none.
    pub ordering_key: String,
    /// What is kept beside an event that is kept for ever; `None` for one that expires.
    pub lasting: Option<Fields>,
    data: String,
    attributes: BTreeMap<String, String>,
}

impl EventRow {
    /// The row of an event that is to be published.
    pub(super) fn of(
        draft: &Draft,
        event_id: String,
        source: &str,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Self, UnwritableEvent> {
        let event = draft.event(event_id, source, origin, now);
        let ordering_key = draft.ordered.then(|| draft.subject.clone());
        let traced = Traced {
            topic: draft.topic,
            event_id: &event.id,
            event_type: &event.event_type,
            correlation_id: event.correlation_id.as_deref(),
            ordering_key: ordering_key.as_deref().unwrap_or_default(),
        };
        let created = created(&traced, origin.trace.as_ref());
        let trace = created.as_ref().or(origin.trace.as_ref());
        let traceparent = trace.map(ToString::to_string);
        let mut attributes = attributes(&event, traceparent.as_deref());
        attributes.extend(draft.flow.map(|flow| (FLOW.to_owned(), flow.to_owned())));
        Ok(Self {
            data: event.to_json()?,
            attributes,
            event_id: event.id,
            source: event.source,
            topic: draft.topic.to_owned(),
            event_type: event.event_type,
            subject: event.subject,
            sequence: event.sequence,
            recorded_at: now,
            standing: Standing::Waiting { refusal: None },
            correlation_id: event.correlation_id,
            causation_id: event.causation_id,
            ordering_key: ordering_key.unwrap_or_default(),
            lasting: None,
        })
    }

    /// The same, kept for ever, with this beside the event.
    pub fn lasting_with(self, beside: Fields) -> Self {
        let lasting = Some(beside);
        Self { lasting, ..self }
    }

    /// The message as it is published, always the same.
    pub fn message(&self) -> OutgoingMessage {
        OutgoingMessage {
            data: self.data.clone().into(),
            attributes: self.attributes.clone(),
            ordering_key: self.ordering_key.clone(),
        }
    }

    /// The message as a subscription delivers it, under this id.
    pub fn delivered(&self, message_id: &str, subscription: &str) -> PushedMessage {
        let message = self.message();
        PushedMessage {
            message_id: message_id.to_owned(),
            publish_time: self.recorded_at,
            data: message.data,
            attributes: message.attributes,
            ordering_key: message.ordering_key,
            subscription: subscription.to_owned(),
            delivery_attempt: None,
        }
    }

    /// The context in which the event was created.
    pub(super) fn trace(&self) -> Option<TraceContext> {
        trace_of(&self.attributes)
    }

    /// Where the row of an event is.
    pub fn key_of(event_id: &str) -> Key {
        Key::new(EVENTS, event_id)
    }

    /// The id of an event that is kept for ever, and of its row: an event is created once only in its
    /// place, so two that were decided on the same state never both are.
    pub fn lasting_id(stream: &str, sequence: u64) -> String {
        format!("{stream}:{sequence:012}")
    }

    pub(super) fn key(&self) -> Key {
        Self::key_of(&self.event_id)
    }

    /// Whether it is still to be published.
    pub fn waits(&self) -> bool {
        matches!(self.standing, Standing::Waiting { .. })
    }

    /// The shard in which the row is listed: always the same.
    pub fn shard(&self) -> u64 {
        let digest = Sha256::digest(&self.event_id);
        digest.first().map_or(0, |byte| u64::from(*byte)) % SHARDS
    }

    /// Stores the row. It waits, and does not expire.
    pub(super) fn create(&self) -> Write {
        let shard = self.shard();
        let attributes = self.attributes.iter();
        let attributes = attributes.map(|(name, value)| (name.clone(), value.as_str().into()));
        let fields = Fields::new()
            .with("source", self.source.as_str())
            .with("topic", self.topic.as_str())
            .with("type", self.event_type.as_str())
            .with("subject", self.subject.as_str())
            .with("sequence", self.sequence)
            .with("recorded_at", self.recorded_at)
            .with("correlation_id", self.correlation_id.as_deref())
            .with("causation_id", self.causation_id.as_deref())
            .with("ordering_key", self.ordering_key.as_str())
            .with("data", self.data.as_str())
            .with("attributes", Value::Map(attributes.collect()))
            .with("shard", shard)
            .with(WAITING, shard);
        let fields = match &self.lasting {
            None => fields,
            Some(lasting) => fields
                .with(STREAM, self.subject.as_str())
                .with(LASTING, Value::Map(lasting.clone())),
        };
        Write::create(self.key(), fields)
    }

    /// Notes that the row has been published, so that it waits no longer, and expires unless it is kept
    /// for ever. Only if it is still there: a row that has expired stays gone.
    pub(super) fn published(&self, now: Timestamp, kept: Duration) -> Write {
        self.ended(Fields::new().with("published_at", now), now, kept)
    }

    /// Takes the row out of waiting without its having been published. Only in the version that was
    /// read.
    pub(super) fn skipped(&self, skipped: &Skipped, version: UpdateTime, kept: Duration) -> Write {
        let fields = Fields::new()
            .with("skipped_at", skipped.at)
            .with("skip_reason", skipped.reason.as_str());
        self.ended(fields, skipped.at, kept)
            .only_if(Precondition::UpdatedAt(version))
    }

    fn ended(&self, fields: Fields, now: Timestamp, kept: Duration) -> Write {
        let fields = match &self.lasting {
            None => fields.with("expires_at", later(now, kept)),
            Some(_) => fields,
        };
        Write::merge(self.key(), fields)
            .remove_field(WAITING)
            .only_if(Precondition::Exists)
    }

    /// Notes why the bus will never take it; `None` if that is noted already.
    pub(super) fn refused(&self, why: &str) -> Option<Write> {
        let why: String = why.chars().take(MOST_OF_REFUSAL).collect();
        let known = Standing::Waiting {
            refusal: Some(why.clone()),
        };
        let write = Write::merge(self.key(), Fields::new().with("refusal", why));
        (self.standing != known).then(|| write.only_if(Precondition::Exists))
    }

    /// The document as a row.
    pub fn from_document(document: &fanout_store::Document) -> Result<Self, MalformedDocument> {
        let fields = &document.fields;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let Some(Value::Map(stored)) = fields.get("attributes") else {
            return Err(MalformedDocument {
                field: "attributes".to_owned(),
                expected: "a map",
            });
        };
        let attribute =
            |(name, _): (&str, &Value)| Ok((name.to_owned(), stored.text(name)?.to_owned()));
        let lasting = match (fields.get(STREAM), fields.get(LASTING)) {
            (None, _) => None,
            (Some(_), Some(Value::Map(lasting))) => Some(lasting.clone()),
            (Some(_), _) => {
                return Err(MalformedDocument {
                    field: LASTING.to_owned(),
                    expected: "a map",
                });
            }
        };
        // A holder whose lease had run out may have published what was skipped: that counts.
        let standing = if fields.get(WAITING).is_some() {
            Standing::Waiting {
                refusal: owned(fields.optional_text("refusal")?),
            }
        } else if let Some(at) = fields.optional_timestamp("skipped_at")?
            && fields.get("published_at").is_none()
        {
            Standing::Skipped(Skipped {
                at,
                reason: fields.text("skip_reason")?.to_owned(),
            })
        } else {
            Standing::Published(fields.timestamp("published_at")?)
        };
        Ok(Self {
            event_id: document.key.id().to_owned(),
            source: fields.text("source")?.to_owned(),
            topic: fields.text("topic")?.to_owned(),
            event_type: fields.text("type")?.to_owned(),
            subject: fields.text("subject")?.to_owned(),
            sequence: fields.count("sequence")?,
            recorded_at: fields.timestamp("recorded_at")?,
            standing,
            correlation_id: owned(fields.optional_text("correlation_id")?),
            causation_id: owned(fields.optional_text("causation_id")?),
            ordering_key: fields.text("ordering_key")?.to_owned(),
            lasting,
            data: fields.text("data")?.to_owned(),
            attributes: stored.iter().map(attribute).collect::<Result<_, _>>()?,
        })
    }
}
