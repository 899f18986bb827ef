//! Version 0 of `user.created`: what people type by hand into `gcloud pubsub topics publish`.

use serde_json::{Map, Value, json};

use crate::json_fields::{JsonFields, WrongField};
use crate::{Envelope, Metadata, Received, UserCreated};

/// The version that the short form counts as.
pub(crate) const SHORT_FORM_VERSION: &str = "0";

/// Whether this is the short form: it names its type `event`, and has no `type`.
pub(crate) fn is_short_form(object: &Map<String, Value>) -> bool {
    object.contains_key("event") && !object.contains_key("type")
}

/// Puts the short form into an envelope; its fields stay as typed.
///
/// It has no id of its own, so the message's id stands in: `msg_` + the Pub/Sub message id.
pub(crate) fn envelope_of(
    object: Map<String, Value>,
    received: &Received<'_>,
) -> Result<Envelope<Value>, WrongField> {
    let fields = JsonFields::new("", &object);
    let event_type = fields.identifier("event")?.to_owned();
    let subject = match event_type.as_str() {
        UserCreated::TYPE => fields.identifier("userId")?.to_owned(),
        _ => fields
            .optional_identifier("userId")?
            .unwrap_or_default()
            .to_owned(),
    };
    Ok(Envelope {
        id: received.fallback_event_id(),
        event_type,
        source: "manual".to_owned(),
        subject,
        sequence: 1,
        timestamp: received.publish_time,
        correlation_id: None,
        causation_id: None,
        data: Value::Object(object),
        metadata: Metadata {
            version: SHORT_FORM_VERSION.to_owned(),
            schema: None,
        },
    })
}

/// The step from version 0 to version 1: other names for the same three fields.
pub(crate) fn upcast_user_created(data: &Map<String, Value>) -> Map<String, Value> {
    let renamed = json!({
        "user_id": data.get("userId"),
        "email": data.get("email"),
        "name": data.get("name"),
    });
    match renamed {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
