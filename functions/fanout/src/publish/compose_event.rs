//! From data to a whole event, checked by the decoder that consumers use.

use fanout_bus::OutgoingMessage;
use fanout_contracts::DOMAINS;
use fanout_events::{
    Data, Envelope, Event, FLOW, Metadata, Received, attributes, decode, json_text,
};
use fanout_runtime::Timestamp;
use serde_json::{Map, Value};

use crate::answer::WrongUse;

/// What says that an event was made by hand.
const SOURCE: &str = "manual";

/// The names of all types that can be published by hand.
pub(crate) fn event_types() -> impl Iterator<Item = &'static str> {
    let types = DOMAINS.iter().flat_map(|domain| domain.types);
    types.map(|known| known.name)
}

/// Where a type goes: requests too go to the topic of their own domain, which is the asked service's.
pub(crate) fn topic_of(event_type: &str) -> Option<&'static str> {
    let mut domains = DOMAINS.iter();
    let domain = domains.find(|domain| domain.find(event_type).is_some())?;
    Some(domain.topic)
}

/// What an event has around its data.
pub(crate) struct EventParts<'a> {
    pub(crate) id: String,
    pub(crate) event_type: &'a str,
    /// The data's `user_id`, unless it is given.
    pub(crate) subject: Option<&'a str>,
    pub(crate) sequence: u64,
    pub(crate) timestamp: Timestamp,
    pub(crate) correlation_id: String,
}

#[derive(Debug)]
pub(crate) struct Composed {
    pub(crate) event: Event,
    pub(crate) message: OutgoingMessage,
}

/// Puts the data into an envelope. The message is what the type's own service would publish; but a
/// request, too, gets its subject as ordering key.
pub(crate) fn compose(parts: EventParts<'_>, data: &[u8]) -> Result<Composed, WrongUse> {
    let data = read_object(data)?;
    let known = fanout_contracts::find(parts.event_type)
        .ok_or_else(|| invalid(format!("`{}` is no type of this system", parts.event_type)))?;
    let user_id = data.get("user_id").and_then(Value::as_str);
    let subject = parts.subject.or(user_id).ok_or_else(|| {
        invalid("data.user_id must be a string, or --subject be given".to_owned())
    })?;
    let event = Envelope {
        id: parts.id,
        event_type: known.name.to_owned(),
        source: SOURCE.to_owned(),
        subject: subject.to_owned(),
        sequence: parts.sequence,
        timestamp: parts.timestamp,
        correlation_id: Some(parts.correlation_id),
        causation_id: None,
        metadata: Metadata {
            version: known.version.to_owned(),
            schema: Some(known.schema.to_owned()),
        },
        data: Data(data),
    };
    let written = event
        .to_json()
        .map_err(|error| invalid(error.to_string()))?;
    let received = Received {
        data: written.as_bytes(),
        message_id: "",
        publish_time: parts.timestamp,
    };
    let decoded = decode(&received).and_then(|decoded| {
        let flow = (known.flow)(&decoded.event)?;
        Ok((decoded.event, flow))
    });
    let (event, flow) = decoded.map_err(|error| WrongUse(format!("{error}; {NOTHING}")))?;
    let mut attributes = attributes(&event, None);
    attributes.extend(flow.map(|flow| (FLOW.to_owned(), flow.to_owned())));
    Ok(Composed {
        message: OutgoingMessage {
            attributes,
            ordering_key: event.subject.clone(),
            data: written.into(),
        },
        event,
    })
}

const NOTHING: &str = "nothing was published";

fn invalid(fault: String) -> WrongUse {
    WrongUse(format!("the event is not valid: {fault}; {NOTHING}"))
}

fn read_object(data: &[u8]) -> Result<Map<String, Value>, WrongUse> {
    let text = json_text(data).map_err(|error| WrongUse(format!("{error}; {NOTHING}")))?;
    // serde_json's own message may show values of the data.
    let value = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        invalid(format!(
            "what is at line {line}, column {column} of the data cannot be kept as it is"
        ))
    })?;
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(invalid("data must be a JSON object".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts() -> EventParts<'static> {
        EventParts {
            id: "evt_1".to_owned(),
            event_type: "user.created",
            subject: None,
            sequence: 1,
            timestamp: "2026-11-20T12:00:00Z".parse().unwrap(),
            correlation_id: "req_1".to_owned(),
        }
    }

    fn data() -> Value {
        json!({"user_id": "usr_1", "email": "test@example.com", "name": "Test User"})
    }

    #[test]
    fn the_message_is_what_user_service_would_publish() {
        let composed = compose(parts(), data().to_string().as_bytes()).unwrap();
        let message = composed.message;
        let event: Value = serde_json::from_slice(&message.data).unwrap();
        insta::assert_json_snapshot!(json!({
            "data": event,
            "attributes": message.attributes,
            "ordering_key": message.ordering_key,
        }));
    }

    #[test]
    fn every_type_can_be_published_and_decodes_as_itself() {
        for event_type in event_types() {
            let known = fanout_contracts::find(event_type).unwrap();
            let mut domains = fanout_contracts::DOMAINS.iter();
            let domain = domains.find(|it| it.find(event_type).is_some()).unwrap();
            let folder = format!(
                "../../shared/contracts/{}/golden/{event_type}/{}",
                domain.name, known.version
            );
            let read = |file| -> Value {
                let text = std::fs::read(format!("{folder}/{file}")).unwrap();
                serde_json::from_slice(&text).unwrap()
            };
            let golden = read("event.json");
            let parts = EventParts {
                event_type,
                subject: golden["subject"].as_str(),
                ..parts()
            };
            let data = golden["data"].to_string();
            let Composed { event, message } = compose(parts, data.as_bytes()).unwrap();
            // Subscriptions filter by it.
            let flow = message.attributes.get(FLOW).map(String::as_str);
            assert_eq!(flow, read("event.attributes.json")[FLOW].as_str());
            assert_eq!(event.event_type, event_type);
            assert_eq!(event.metadata.version, known.version);
        }
    }

    #[test]
    fn a_type_goes_to_its_domain_s_topic() {
        let types = [
            "user.created",
            "order.cancelled",
            "inventory.reservation_requested",
        ];
        let topics = types.map(|name| topic_of(name).unwrap());
        assert_eq!(topics, ["user-events", "order-events", "inventory-events"]);
        assert!(event_types().all(|name| topic_of(name).is_some()));
        assert_eq!(topic_of("order.placed"), None);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_what_cannot_be_published_as_it_is_is_refused() {
        let with = |more: &str| {
            let data = format!(
                "\u{feff}{{\"user_id\":\"usr_1\",\"email\":\"a@b.example\",\"name\":\"B\"{more}}}"
            );
            compose(parts(), data.as_bytes()).map_err(|WrongUse(text)| text)
        };
        assert!(with("").is_ok());
        insta::assert_snapshot!(with(",\"x\":1e400").unwrap_err(), @"the event is not valid: what is at line 1, column 61 of the data cannot be kept as it is; nothing was published");
        let deep = format!(",\"x\":{}{}", "[".repeat(63), "]".repeat(63));
        insta::assert_snapshot!(with(&deep).unwrap_err(), @"the event is not valid: its JSON is 65 levels deep, and 64 are the most; nothing was published");
    }

    #[test]
    fn a_fault_names_its_field_and_shows_no_value() {
        let fault = |parts, data: &Value| {
            let error = compose(parts, data.to_string().as_bytes()).unwrap_err();
            let WrongUse(text) = error;
            assert!(!text.contains("secret"), "{text}");
            text
        };
        let mut bad_email = data();
        bad_email["email"] = json!("secret person");
        insta::assert_snapshot!(fault(parts(), &bad_email), @"the event is not valid: data.email must be an e-mail address such as name@example.com, at most 254 characters; nothing was published");
        insta::assert_snapshot!(fault(parts(), &json!({"email": "secret@example.com"})), @"the event is not valid: data.user_id must be a string, or --subject be given; nothing was published");
        insta::assert_snapshot!(fault(parts(), &json!(["secret"])), @"the event is not valid: data must be a JSON object; nothing was published");
        let no_sequence = EventParts {
            sequence: 0,
            ..parts()
        };
        insta::assert_snapshot!(fault(no_sequence, &data()), @"the event is not valid: sequence must be a whole number from 1, below 2^53; nothing was published");
        let WrongUse(text) = compose(parts(), b"{secret").unwrap_err();
        insta::assert_snapshot!(text, @"the data is not JSON: line 1, column 2; nothing was published");
    }
}
