//! From message data to an event, whatever its type.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Utc};
use serde_json::{Map, Value};

use crate::json_fields::{JsonFields, WrongField};
use crate::json_text::{DEEPEST, read_json};
use crate::{Data, Envelope, Event, Fingerprint, Metadata, Version, cloud_event, short_form};

/// A message as it came from the bus, for [`decode`].
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The message's data.
    pub data: &'a [u8],
    /// The bus's id of the message: stands in for an event id where there is none.
    pub message_id: &'a str,
    /// When the bus took it: stands in for a timestamp where there is none.
    pub publish_time: DateTime<Utc>,
}

impl Received<'_> {
    /// The event id of a message that carries none: `msg_{message id}_{publish time in ms}`. The
    /// time is part of it because an emulator that restarts counts its messages from 1 again.
    pub fn fallback_event_id(&self) -> String {
        let published = self.publish_time.timestamp_millis();
        format!("msg_{}_{published}", self.message_id)
    }
}

/// A decoded event and the fingerprint of what arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The event; [`Event::read`] reads its data as a type.
    pub event: Event,
    /// Tells a copy from another event under the same id.
    pub fingerprint: Fingerprint,
}

/// Why a message will never be an event, or an event never one of its type. None of these shows a
/// text of the message: a field is named, a version is shown once it is known to be numbers, and a
/// type once it is ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No data at all.
    #[error("the message has no data")]
    Empty,
    /// Not JSON.
    #[error("the data is not JSON: line {line}, column {column}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// JSON that readers give up on.
    #[error("the event is not valid: its JSON is {depth} levels deep, and {DEEPEST} are the most")]
    TooDeep {
        /// How many objects and arrays lie in each other.
        depth: usize,
    },
    /// JSON, but neither an envelope nor the short form.
    #[error("the data is no event: {0}")]
    NotAnEvent(String),
    /// An event whose fields are missing or wrong.
    #[error("the event is not valid: {0}")]
    Invalid(#[from] WrongField),
    /// A type of ours in a version that this build cannot read.
    #[error("version {version} of {event_type} is not supported")]
    UnsupportedVersion {
        /// The event's type, one of ours.
        event_type: &'static str,
        /// Its version.
        version: Version,
    },
}

/// Decodes a message: the envelope, or the short form that people type by hand. The data stays as it
/// came.
pub fn decode(received: &Received<'_>) -> Result<Decoded, DecodeError> {
    decode_message(received, &BTreeMap::new())
}

/// The same of a message with these attributes, by which it may be a CloudEvent of another producer.
pub fn decode_message(
    received: &Received<'_>,
    attributes: &BTreeMap<String, String>,
) -> Result<Decoded, DecodeError> {
    let event = read_event(received, attributes)?;
    let fingerprint = Fingerprint::of(&event);
    Ok(Decoded { event, fingerprint })
}

fn read_event(
    received: &Received<'_>,
    attributes: &BTreeMap<String, String>,
) -> Result<Event, DecodeError> {
    if received.data.is_empty() {
        return Err(DecodeError::Empty);
    }
    let Value::Object(object) = read_json(received.data)? else {
        return Err(DecodeError::NotAnEvent(
            "it is not a JSON object".to_owned(),
        ));
    };
    if cloud_event::is_structured(attributes) {
        return cloud_event::structured(object, received);
    }
    if cloud_event::is_binary(attributes) && !cloud_event::is_envelope(&object) {
        return cloud_event::binary(attributes, object, received);
    }
    if short_form::is_short_form(&object) {
        return Ok(short_form::envelope_of(object, received)?);
    }
    if !object.contains_key("type") {
        let detail = "it has neither `type` (an envelope) nor `event` (the short form)";
        return Err(DecodeError::NotAnEvent(detail.to_owned()));
    }
    Ok(envelope_of(object)?)
}

pub(crate) fn envelope_of(mut object: Map<String, Value>) -> Result<Event, WrongField> {
    let data = JsonFields::new("", &object).object("data").map(drop);
    let data = data.map(|()| object.remove("data").and_then(into_object));
    let fields = JsonFields::new("", &object);
    let metadata = JsonFields::new("metadata.", fields.object("metadata")?);
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(Envelope {
        id: fields.identifier("id")?.to_owned(),
        event_type: fields.identifier("type")?.to_owned(),
        source: fields.identifier("source")?.to_owned(),
        subject: fields.identifier("subject")?.to_owned(),
        sequence: fields.count("sequence")?,
        timestamp: fields.parse("timestamp", storable_time)?,
        correlation_id: owned(fields.link("correlation_id")?),
        causation_id: owned(fields.link("causation_id")?),
        metadata: Metadata {
            version: metadata.identifier("version")?.to_owned(),
            schema: owned(metadata.optional_text("schema")?),
        },
        data: Data(data?.unwrap_or_default()),
    })
}

fn into_object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    }
}

/// A time that a store can keep: its instant in UTC lies in protobuf's range, the years 1 to 9999.
pub(crate) fn storable_time(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| "must be an RFC 3339 time")?;
    let time = time.to_utc();
    if (1..=9999).contains(&time.year()) {
        Ok(time)
    } else {
        Err("must lie in the years 0001 to 9999, in UTC")
    }
}
