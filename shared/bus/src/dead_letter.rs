//! What lies on a dead-letter topic: a message as it came, with attributes beside its own that say
//! how it got there. Written when parking and by Pub/Sub's own forwarding, read and taken off again
//! by a redrive.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use fanout_runtime::Timestamp;

use crate::{OutgoingMessage, PushedMessage};

/// The header of a delivery by which an operator brings a dead letter back. Without it a message that
/// lies on the dead-letter topic already is not put there again.
pub const X_REDRIVE: &str = "x-redrive";

/// Why it was parked: a stable slug.
const REASON: &str = "dead-letter-reason";
/// The same in a sentence.
const DETAIL: &str = "dead-letter-detail";
/// Who parked it.
const CONSUMER: &str = "dead-letter-consumer";
/// The id of the message that was parked; the copy has one of its own.
const ORIGINAL_MESSAGE_ID: &str = "dead-letter-original-message-id";
/// When the message that was parked was published; the copy has a time of its own.
const ORIGINAL_PUBLISH_TIME: &str = "dead-letter-original-publish-time";
const OURS: [&str; 5] = [
    REASON,
    DETAIL,
    CONSUMER,
    ORIGINAL_MESSAGE_ID,
    ORIGINAL_PUBLISH_TIME,
];

/// What all attributes of Pub/Sub's own forwarding begin with.
const GOOGLES: &str = "CloudPubSubDeadLetterSource";
const DELIVERY_COUNT: &str = "CloudPubSubDeadLetterSourceDeliveryCount";
const SOURCE_PUBLISH_TIME: &str = "CloudPubSubDeadLetterSourceTopicPublishTime";

/// Pub/Sub's limit for an attribute's value, in bytes.
const MAX_ATTRIBUTE: usize = 1024;

/// How a message became a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterCause {
    /// A consumer parked it.
    Parked {
        /// A stable slug.
        reason: String,
        /// A sentence; empty if there is none.
        detail: String,
    },
    /// Every delivery failed, and Pub/Sub forwarded it.
    AttemptsExhausted {
        /// How many deliveries that were, if Pub/Sub says so.
        deliveries: Option<u32>,
    },
    /// Nothing says how: another program published it there.
    Unexplained,
}

/// The copy for the dead-letter topic, with the reason beside it.
pub fn parked_copy(
    message: &PushedMessage,
    consumer: &str,
    reason: &str,
    detail: &str,
) -> OutgoingMessage {
    let mut attributes = message.attributes.clone();
    let published = message
        .publish_time
        .to_rfc3339_opts(SecondsFormat::Millis, true);
    let notes = [
        (REASON, reason),
        (DETAIL, detail),
        (CONSUMER, consumer),
        (ORIGINAL_MESSAGE_ID, &message.message_id),
        (ORIGINAL_PUBLISH_TIME, &published),
    ];
    for (name, value) in notes {
        let end = value.floor_char_boundary(MAX_ATTRIBUTE);
        attributes.insert(name.to_owned(), value[..end].to_owned());
    }
    OutgoingMessage {
        data: message.data.clone(),
        attributes,
        ordering_key: message.ordering_key.clone(),
    }
}

impl DeadLetterCause {
    /// How this message became a dead letter, by its attributes.
    pub fn of(attributes: &BTreeMap<String, String>) -> Self {
        if let Some(reason) = attributes.get(REASON) {
            return Self::Parked {
                reason: reason.clone(),
                detail: attributes.get(DETAIL).cloned().unwrap_or_default(),
            };
        }
        if attributes.keys().any(|name| name.starts_with(GOOGLES)) {
            let count = attributes.get(DELIVERY_COUNT);
            return Self::AttemptsExhausted {
                deliveries: count.and_then(|count| count.parse().ok()),
            };
        }
        Self::Unexplained
    }
}

/// The message that became this dead letter, to be delivered to `subscription` once more: its own id,
/// publish time and attributes, and nothing of a dead letter.
///
/// Pub/Sub's own forwarding does not tell the message's id. Its copy's id stands in, which is the
/// same at each redrive: parked again, it is what the next copy names as its original.
pub fn message_as_it_was(letter: &PushedMessage, subscription: &str) -> PushedMessage {
    let noted = |name: &str| letter.attributes.get(name).filter(|text| !text.is_empty());
    let time = |name: &str| noted(name).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let ours = |name: &str| OURS.contains(&name) || name.starts_with(GOOGLES);
    let mut attributes = letter.attributes.clone();
    attributes.retain(|name, _| !ours(name));
    PushedMessage {
        message_id: noted(ORIGINAL_MESSAGE_ID)
            .unwrap_or(&letter.message_id)
            .clone(),
        publish_time: time(ORIGINAL_PUBLISH_TIME)
            .or_else(|| time(SOURCE_PUBLISH_TIME))
            .map_or(letter.publish_time, Timestamp::from),
        data: letter.data.clone(),
        attributes,
        ordering_key: letter.ordering_key.clone(),
        subscription: subscription.to_owned(),
        delivery_attempt: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUBSCRIPTION: &str = "projects/p/subscriptions/user-events-crm";

    fn message(id: &str, attributes: BTreeMap<String, String>) -> PushedMessage {
        PushedMessage {
            message_id: id.to_owned(),
            publish_time: "2026-11-20T12:00:00.001Z".parse().unwrap(),
            data: "data".into(),
            attributes,
            ordering_key: "usr_1".to_owned(),
            subscription: SUBSCRIPTION.to_owned(),
            delivery_attempt: None,
        }
    }

    /// What the bus makes of a message that is published on the dead-letter topic.
    fn on_the_topic(copy: OutgoingMessage, id: &str) -> PushedMessage {
        PushedMessage {
            message_id: id.to_owned(),
            publish_time: "2026-11-21T00:00:00Z".parse().unwrap(),
            data: copy.data,
            attributes: copy.attributes,
            ordering_key: copy.ordering_key,
            subscription: "projects/p/subscriptions/user-events-crm-dead-letters".to_owned(),
            delivery_attempt: None,
        }
    }

    /// What Pub/Sub makes of a message that ran out of attempts.
    fn forwarded(message: &PushedMessage, id: &str) -> PushedMessage {
        let mut copy = parked_copy(message, "", "", "");
        copy.attributes = message.attributes.clone();
        let source = [
            (DELIVERY_COUNT, "5"),
            ("CloudPubSubDeadLetterSourceSubscription", "user-events-crm"),
            ("CloudPubSubDeadLetterSourceSubscriptionProject", "p"),
            (SOURCE_PUBLISH_TIME, "2026-11-20T12:00:00.001Z"),
        ];
        let source = source.map(|(name, value)| (name.to_owned(), value.to_owned()));
        copy.attributes.extend(source);
        on_the_topic(copy, id)
    }

    proptest! {
        #[test]
        fn a_parked_message_is_what_it_was_however_often_it_is_parked(
            attributes in proptest::collection::btree_map("[a-z]{1,8}", ".{0,8}", 0..4),
            times in 1..4_usize,
        ) {
            let original = message("17", attributes);
            let mut delivered = original.clone();
            for time in 0..times {
                let copy = parked_copy(&delivered, "crm", "invalid", "it is not valid");
                let letter = on_the_topic(copy, &format!("copy-{time}"));
                delivered = message_as_it_was(&letter, SUBSCRIPTION);
                prop_assert_eq!(&delivered, &original);
            }
        }
    }

    #[test]
    fn a_message_that_ran_out_of_attempts_keeps_its_time_and_goes_by_its_copys_id() {
        let original = message("17", [("k".to_owned(), "v".to_owned())].into());
        let letter = forwarded(&original, "99");
        let redriven = message_as_it_was(&letter, SUBSCRIPTION);
        let expected = PushedMessage {
            message_id: "99".to_owned(),
            ..original
        };
        assert_eq!(redriven, expected);

        // Parked by the redrive, it goes by the same id at the next.
        let copy = parked_copy(&redriven, "crm", "invalid", "it is not valid");
        let again = message_as_it_was(&on_the_topic(copy, "100"), SUBSCRIPTION);
        assert_eq!(again, expected);
    }

    #[test]
    fn the_cause_is_read_from_the_attributes() {
        let original = message("17", BTreeMap::new());
        let copy = parked_copy(&original, "crm", "invalid", "it is not valid");
        assert_eq!(
            DeadLetterCause::of(&copy.attributes),
            DeadLetterCause::Parked {
                reason: "invalid".to_owned(),
                detail: "it is not valid".to_owned()
            }
        );
        assert_eq!(
            DeadLetterCause::of(&forwarded(&original, "99").attributes),
            DeadLetterCause::AttemptsExhausted {
                deliveries: Some(5)
            }
        );
        assert_eq!(
            DeadLetterCause::of(&original.attributes),
            DeadLetterCause::Unexplained
        );
    }
}
