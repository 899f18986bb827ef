//! A dead letter, and what can be read of it.

use fanout_bus::{DeadLetterCause, PushedMessage, message_as_it_was};
use fanout_events::{Fingerprint, Received, decode_message, skip_byte_order_mark};
use fanout_runtime::{Timestamp, serialize_rfc3339};
use serde::Serialize;
use serde_json::Value;

/// The reason of letters that Pub/Sub itself forwarded.
const ATTEMPTS_EXHAUSTED: &str = "attempts_exhausted";
/// The reason of letters that were published on the dead-letter topic by hand.
const UNEXPLAINED: &str = "unexplained";

pub(super) struct DeadLetter {
    /// As it lies on the dead-letter topic.
    pub(super) message: PushedMessage,
    /// As it came to the consumer.
    pub(super) original: PushedMessage,
    /// Why it is here: a slug.
    pub(super) reason: String,
    /// The same in a sentence.
    pub(super) detail: Option<String>,
    /// How many deliveries failed, if Pub/Sub says so.
    pub(super) deliveries: Option<u32>,
    pub(super) event_id: String,
    pub(super) event_type: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) correlation_id: Option<String>,
    /// The same for every copy.
    pub(super) fingerprint: String,
}

impl DeadLetter {
    /// Reads a message of the dead letters of the consumer with this push subscription.
    pub(super) fn read(message: PushedMessage, subscription: &str) -> Self {
        let original = message_as_it_was(&message, subscription);
        let received = Received {
            data: &original.data,
            message_id: &original.message_id,
            publish_time: original.publish_time,
        };
        let (reason, detail, deliveries) = match DeadLetterCause::of(&message.attributes) {
            DeadLetterCause::Parked { reason, detail } => {
                (reason, Some(detail).filter(|it| !it.is_empty()), None)
            }
            DeadLetterCause::AttemptsExhausted { deliveries } => {
                let count = deliveries.map_or("all".to_owned(), |count| count.to_string());
                let detail = format!("{count} deliveries failed");
                (ATTEMPTS_EXHAUSTED.to_owned(), Some(detail), deliveries)
            }
            DeadLetterCause::Unexplained => (UNEXPLAINED.to_owned(), None, None),
        };
        let mut letter = Self {
            reason,
            detail,
            deliveries,
            event_id: received.fallback_event_id(),
            event_type: None,
            subject: None,
            correlation_id: None,
            fingerprint: Fingerprint::of_bytes(&original.data).as_str().to_owned(),
            original: original.clone(),
            message,
        };
        if let Ok(decoded) = decode_message(&received, &original.attributes) {
            let event = decoded.event;
            letter.event_id = event.id;
            letter.event_type = Some(event.event_type);
            letter.subject = Some(event.subject);
            letter.correlation_id = event.correlation_id;
            letter.fingerprint = decoded.fingerprint.as_str().to_owned();
        }
        letter
    }

    /// Whether this id means it: the event's, the dead letter's, or the original message's.
    pub(super) fn has_id(&self, id: &str) -> bool {
        let attribute = self.message.attributes.get("ce-id").map(String::as_str);
        self.event_id == id
            || self.message.message_id == id
            || self.original.message_id == id
            || attribute == Some(id)
    }

    /// What letters have in common that keep their order; empty for nothing.
    pub(super) fn key(&self) -> &str {
        let key = &self.original.ordering_key;
        self.subject.as_deref().unwrap_or(key)
    }

    /// What is in it: personal data, to be shown only to who asks for it.
    pub(super) fn payload(&self) -> Value {
        let data = &self.message.data;
        serde_json::from_slice(skip_byte_order_mark(data))
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(data).into_owned()))
    }

    pub(super) fn name(&self) -> LetterName {
        LetterName {
            event_id: self.event_id.clone(),
            message_id: self.message.message_id.clone(),
            parked_at: self.message.publish_time,
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct LetterName {
    pub(super) event_id: String,
    pub(super) message_id: String,
    #[serde(serialize_with = "serialize_rfc3339")]
    pub(super) parked_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn message(attributes: &[(&str, &str)], data: &str) -> PushedMessage {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        PushedMessage {
            message_id: "99".to_owned(),
            publish_time: "2026-11-21T00:00:00Z".parse().unwrap(),
            data: data.to_owned().into(),
            attributes: attributes.iter().map(owned).collect::<BTreeMap<_, _>>(),
            ordering_key: String::new(),
            subscription: "projects/p/subscriptions/user-events-crm-dead-letters".to_owned(),
            delivery_attempt: None,
        }
    }

    #[test]
    fn a_parked_letter_goes_by_the_id_that_its_consumer_knows() {
        let attributes = [
            ("dead-letter-reason", "undecodable"),
            ("dead-letter-detail", "the message has no data"),
            ("dead-letter-original-message-id", "17"),
        ];
        let letter = DeadLetter::read(message(&attributes, ""), "s");
        assert_eq!(letter.reason, "undecodable");
        assert_eq!(letter.detail.as_deref(), Some("the message has no data"));
        assert_eq!(letter.event_id, "msg_17_1795219200000");
        for id in ["msg_17_1795219200000", "17", "99"] {
            assert!(letter.has_id(id), "{id}");
        }
        assert!(!letter.has_id("msg_99_1795219200000"));
    }

    #[test]
    fn one_that_ran_out_of_attempts_says_of_how_many() {
        let attributes = [("CloudPubSubDeadLetterSourceDeliveryCount", "20")];
        let event =
            include_str!("../../../../shared/contracts/user/golden/user.created/1.0/event.json");
        let letter = DeadLetter::read(message(&attributes, event), "s");
        assert_eq!(letter.reason, "attempts_exhausted");
        assert_eq!(letter.detail.as_deref(), Some("20 deliveries failed"));
        assert_eq!(letter.event_id, "evt_01JD2V7Q4M8T9W3X5Y6Z7A8B9C");
        assert_eq!(letter.event_type.as_deref(), Some("user.created"));
    }
}
