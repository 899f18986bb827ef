//! From message data to an event, for every version that was ever published.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::json_fields::{JsonFields, WrongField};
use crate::short_form::{self, SHORT_FORM_VERSION};
use crate::{
    Envelope, Event, Fingerprint, Metadata, Payload, UserCreated, UserDeleted, UserUpdated,
};

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
    /// The event id of a message that carries none: `msg_` + the Pub/Sub message id.
    pub fn fallback_event_id(&self) -> String {
        format!("msg_{}", self.message_id)
    }
}

/// A decoded event and the fingerprint of what arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The event, in the newest version of its type.
    pub event: Event,
    /// Tells a copy from another event under the same id.
    pub fingerprint: Fingerprint,
}

/// Why a message will never be an event. None of these shows a text of the message: a field is
/// named, a version is shown once it is known to be numbers, and a type once it is ours.
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
        event_type: String,
        /// Its version: numbers.
        version: String,
    },
}

/// Decodes a message: the envelope in any version, or the short form that people type by hand.
///
/// An event of an unknown type decodes to [`Payload::Unknown`], whatever its version.
pub fn decode(received: &Received<'_>) -> Result<Decoded, DecodeError> {
    let wire = read_envelope(received)?;
    let fingerprint = Fingerprint::of(&wire);
    let payload = read_payload(&wire)?;
    let event = Envelope {
        id: wire.id,
        event_type: wire.event_type,
        source: wire.source,
        subject: wire.subject,
        sequence: wire.sequence,
        timestamp: wire.timestamp,
        correlation_id: wire.correlation_id,
        causation_id: wire.causation_id,
        data: payload,
        metadata: wire.metadata,
    };
    Ok(Decoded { event, fingerprint })
}

fn read_envelope(received: &Received<'_>) -> Result<Envelope<Value>, DecodeError> {
    if received.data.is_empty() {
        return Err(DecodeError::Empty);
    }
    let value: Value = serde_json::from_slice(received.data).map_err(|e| DecodeError::NotJson {
        line: e.line(),
        column: e.column(),
    })?;
    let Value::Object(object) = value else {
        return Err(DecodeError::NotAnEvent(
            "it is not a JSON object".to_owned(),
        ));
    };
    if short_form::is_short_form(&object) {
        return Ok(short_form::envelope_of(object, received)?);
    }
    if !object.contains_key("type") {
        let detail = "it has neither `type` (an envelope) nor `event` (the short form)";
        return Err(DecodeError::NotAnEvent(detail.to_owned()));
    }
    Ok(envelope_of(&object)?)
}

fn envelope_of(object: &Map<String, Value>) -> Result<Envelope<Value>, WrongField> {
    let fields = JsonFields::new("", object);
    let metadata = JsonFields::new("metadata.", fields.object("metadata")?);
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(Envelope {
        id: fields.identifier("id")?.to_owned(),
        event_type: fields.identifier("type")?.to_owned(),
        source: fields.identifier("source")?.to_owned(),
        subject: fields.identifier("subject")?.to_owned(),
        sequence: fields.count("sequence")?,
        timestamp: DateTime::parse_from_rfc3339(fields.text("timestamp")?)
            .map_err(|_| fields.wrong("timestamp", "must be an RFC 3339 time"))?
            .to_utc(),
        correlation_id: owned(fields.link("correlation_id")?),
        causation_id: owned(fields.link("causation_id")?),
        data: Value::Object(fields.object("data")?.clone()),
        metadata: Metadata {
            version: metadata.identifier("version")?.to_owned(),
            schema: owned(metadata.optional_text("schema")?),
        },
    })
}

/// Minor versions only add fields; each older major takes its upcasting steps here.
fn read_payload(wire: &Envelope<Value>) -> Result<Payload, DecodeError> {
    let empty = Map::new();
    let data = wire.data.as_object().unwrap_or(&empty);
    let version = wire.metadata.version.as_str();
    Ok(match (wire.event_type.as_str(), major(version)) {
        (UserCreated::TYPE, Some(1)) => Payload::UserCreated(UserCreated::from_data(data)?),
        (UserCreated::TYPE, Some(0)) if version == SHORT_FORM_VERSION => {
            let upcast = short_form::upcast_user_created(data);
            Payload::UserCreated(UserCreated::from_data(&upcast)?)
        }
        (UserUpdated::TYPE, Some(1)) => Payload::UserUpdated(UserUpdated::from_data(data)?),
        (UserDeleted::TYPE, Some(1)) => Payload::UserDeleted(UserDeleted::from_data(data)?),
        (UserCreated::TYPE | UserUpdated::TYPE | UserDeleted::TYPE, None) => {
            let metadata = JsonFields::new("metadata.", &empty);
            return Err(metadata
                .wrong("version", "must be MAJOR.MINOR, such as 1.0")
                .into());
        }
        (UserCreated::TYPE | UserUpdated::TYPE | UserDeleted::TYPE, Some(_)) => {
            return Err(DecodeError::UnsupportedVersion {
                event_type: wire.event_type.clone(),
                version: version.to_owned(),
            });
        }
        // Somebody else's type, whatever its version.
        (_, _) => Payload::Unknown,
    })
}

fn major(version: &str) -> Option<u32> {
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    minor.parse::<u32>().ok()?;
    major.parse().ok()
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use serde_json::json;

    use super::*;
    use crate::identifier::MUST_BE;

    fn received(data: &[u8]) -> Received<'_> {
        Received {
            data,
            message_id: "17",
            publish_time: Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap(),
        }
    }

    fn envelope() -> Value {
        serde_json::from_slice(include_bytes!("../golden/user.created/1.0.json")).unwrap()
    }

    fn error_of(value: &Value) -> DecodeError {
        decode(&received(value.to_string().as_bytes())).unwrap_err()
    }

    #[test]
    fn every_golden_file_still_decodes() {
        let golden = [
            ("0", include_str!("../golden/user.created/0.json")),
            ("1.0", include_str!("../golden/user.created/1.0.json")),
            (
                "1.1",
                include_str!("../golden/user.created/1.1-later-minor.json"),
            ),
        ];
        for (version, text) in golden {
            let decoded = decode(&received(text.as_bytes())).unwrap();
            assert_eq!(decoded.event.metadata.version, version);
            let expected = UserCreated {
                user_id: decoded.event.subject.clone(),
                email: crate::EmailAddress::parse("test@example.com").unwrap(),
                name: crate::PersonName::parse("Test User").unwrap(),
            };
            assert_eq!(decoded.event.data, Payload::UserCreated(expected));
        }
    }

    #[test]
    fn an_event_of_the_newest_version_is_written_as_it_was_read() {
        let golden = [
            include_str!("../golden/user.created/1.0.json"),
            include_str!("../golden/user.updated/1.0.json"),
            include_str!("../golden/user.deleted/1.0.json"),
        ];
        for text in golden {
            let event = decode(&received(text.as_bytes())).unwrap().event;
            assert_eq!(event.data.event_type(), event.event_type);
            assert_eq!(event.data.metadata(), event.metadata);
            let written: Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
            assert_eq!(written, serde_json::from_str::<Value>(text).unwrap());
        }
    }

    #[test]
    fn the_short_form_takes_id_and_time_from_its_message() {
        let data = include_bytes!("../golden/user.created/0.json");
        let event = decode(&received(data)).unwrap().event;
        assert_eq!(event.id, "msg_17");
        assert_eq!(event.subject, "test-123");
        assert_eq!(event.sequence, 1);
        assert_eq!(event.timestamp, received(data).publish_time);
    }

    #[test]
    fn an_unknown_type_is_an_event_that_is_not_ours() {
        let mut value = envelope();
        value["type"] = json!("order.placed");
        value["metadata"]["version"] = json!("99.0");
        let decoded = decode(&received(value.to_string().as_bytes())).unwrap();
        assert_eq!(decoded.event.data, Payload::Unknown);
    }

    #[test]
    fn a_fault_names_the_field_and_never_its_value() {
        let mut wrong_type = envelope();
        wrong_type["data"]["email"] = json!(["ada@example.com"]);
        let mut wrong_value = envelope();
        wrong_value["data"]["email"] = json!("ada lovelace@example.com");
        let mut no_sequence = envelope();
        no_sequence["sequence"] = json!(0);
        let mut no_id = envelope();
        no_id["id"] = json!("");
        let faults = [
            (
                decode(&received(b"")).unwrap_err(),
                "the message has no data",
            ),
            (
                decode(&received(b"{\"email\": ada@example.com}")).unwrap_err(),
                "the data is not JSON: line 1, column 11",
            ),
            (
                error_of(&json!([1])),
                "the data is no event: it is not a JSON object",
            ),
            (
                error_of(&json!({"hello": "ada@example.com"})),
                "the data is no event: it has neither `type` (an envelope) nor `event` (the short form)",
            ),
            (
                error_of(&wrong_type),
                "the event is not valid: data.email must be a string that is not empty",
            ),
            (
                error_of(&wrong_value),
                "the event is not valid: data.email must be an e-mail address such as name@example.com, at most 254 characters",
            ),
            (
                error_of(&no_sequence),
                "the event is not valid: sequence must be a whole number from 1",
            ),
            (
                error_of(&no_id),
                "the event is not valid: id must be a string that is not empty",
            ),
        ];
        for (fault, sentence) in faults {
            assert_eq!(fault.to_string(), sentence);
        }
    }

    #[test]
    fn a_later_major_is_not_guessed_at() {
        let cases = [
            ("2.0", "version 2.0 of user.created is not supported"),
            ("0.9", "version 0.9 of user.created is not supported"),
            (
                "one",
                "the event is not valid: metadata.version must be MAJOR.MINOR, such as 1.0",
            ),
            (
                "1.x",
                "the event is not valid: metadata.version must be MAJOR.MINOR, such as 1.0",
            ),
        ];
        for (version, sentence) in cases {
            let mut value = envelope();
            value["metadata"]["version"] = json!(version);
            assert_eq!(error_of(&value).to_string(), sentence);
        }
    }

    #[test]
    fn what_cannot_name_anything_is_refused_by_its_field() {
        let secret = "ada@example.com";
        let named = [
            "/id",
            "/type",
            "/source",
            "/subject",
            "/metadata/version",
            "/data/user_id",
        ];
        for pointer in named {
            let mut value = envelope();
            *value.pointer_mut(pointer).unwrap() = json!(secret);
            let field = pointer[1..].replace('/', ".");
            let sentence = format!("the event is not valid: {field} {MUST_BE}");
            assert_eq!(error_of(&value).to_string(), sentence);
        }
        for field in ["userId", "event"] {
            let mut value = json!({"userId": "test-123", "email": secret, "name": "Ada", "event": "user.created"});
            value[field] = json!(secret);
            let sentence = format!("the event is not valid: {field} {MUST_BE}");
            assert_eq!(error_of(&value).to_string(), sentence);
        }
    }

    #[test]
    fn a_link_that_cannot_be_used_is_left_out_and_the_event_is_taken() {
        let mut value = envelope();
        value["correlation_id"] = json!("ada@example.com");
        value["causation_id"] = json!("Ada Lovelace");
        let decoded = decode(&received(value.to_string().as_bytes())).unwrap();
        assert_eq!(decoded.event.correlation_id, None);
        assert_eq!(decoded.event.causation_id, None);
    }

    #[test]
    fn a_copy_has_the_same_fingerprint_and_a_changed_event_another() {
        let fingerprint = |value: &Value| {
            decode(&received(value.to_string().as_bytes()))
                .unwrap()
                .fingerprint
        };
        let pretty = serde_json::to_vec_pretty(&envelope()).unwrap();
        let copy = decode(&received(&pretty)).unwrap().fingerprint;
        assert_eq!(copy, fingerprint(&envelope()));
        let mut changed = envelope();
        changed["data"]["name"] = json!("Another Name");
        assert_ne!(copy, fingerprint(&changed));
    }
}
