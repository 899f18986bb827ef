//! The short form: what people type by hand into `gcloud pubsub topics publish`.

use serde_json::{Map, Value};

use crate::json_fields::{JsonFields, WrongField};
use crate::{Data, Envelope, Event, Metadata, Received};

/// The version that the short form counts as.
const SHORT_FORM_VERSION: &str = "0";

/// Whether this is the short form: it names its type `event`, and has no `type`.
pub(crate) fn is_short_form(object: &Map<String, Value>) -> bool {
    object.contains_key("event") && !object.contains_key("type")
}

/// Puts the short form into an envelope; its fields stay as typed, for its type to read.
///
/// It has no id of its own, so the message stands in: see [`Received::fallback_event_id`].
pub(crate) fn envelope_of(
    object: Map<String, Value>,
    received: &Received<'_>,
) -> Result<Event, WrongField> {
    let fields = JsonFields::new("", &object);
    let subject = fields.optional_identifier("userId")?.unwrap_or_default();
    Ok(Envelope {
        id: received.fallback_event_id(),
        event_type: fields.identifier("event")?.to_owned(),
        source: "manual".to_owned(),
        subject: subject.to_owned(),
        sequence: 1,
        timestamp: received.publish_time,
        correlation_id: None,
        causation_id: None,
        metadata: Metadata {
            version: SHORT_FORM_VERSION.to_owned(),
            schema: None,
        },
        data: Data(object),
    })
}
