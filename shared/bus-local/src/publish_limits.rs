//! What a publish may hold at most: Pub/Sub's own limits.

use fanout_bus::OutgoingMessage;
use fanout_events::GOOGLES_TRACEPARENT;

/// Bytes of data, attributes and ordering key, for one message and for one publish.
const MOST_BYTES: usize = 10_000_000;
const MOST_MESSAGES: usize = 1_000;
const MOST_ATTRIBUTES: usize = 100;
const LONGEST_ATTRIBUTE_NAME: usize = 256;
const LONGEST_ATTRIBUTE_VALUE: usize = 1_024;
const LONGEST_ORDERING_KEY: usize = 1_024;

/// Which of Pub/Sub's limits a publish breaks. Shows nothing of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitExceeded {
    /// No message at all.
    #[error("a publish needs at least one message")]
    NoMessages,
    /// Too many messages at once.
    #[error("a publish takes 1000 messages, not {0}")]
    TooManyMessages(usize),
    /// Neither data nor attributes.
    #[error("a message needs data or at least one attribute")]
    Empty,
    /// Too large.
    #[error("a message and a publish take 10 MB, not {0} bytes")]
    TooLarge(usize),
    /// Too many attributes.
    #[error("a message takes 100 attributes, not {0}")]
    TooManyAttributes(usize),
    /// An attribute's name is empty or too long.
    #[error("an attribute's name takes 1 to 256 bytes, not {0}")]
    AttributeName(usize),
    /// An attribute's name is Google's.
    #[error("an attribute's name must not begin with goog")]
    ReservedAttributeName,
    /// An attribute's value is too long.
    #[error("an attribute's value takes 1024 bytes, not {0}")]
    AttributeValue(usize),
    /// Pub/Sub keeps the order of one key within a publish.
    #[error("the messages of one publish must have the same ordering key, or none of them one")]
    SeveralOrderingKeys,
    /// The ordering key is too long.
    #[error("an ordering key takes 1024 bytes, not {0}")]
    OrderingKey(usize),
}

/// Checks a whole publish; nothing of it is taken if one message breaks a limit.
pub(super) fn check(messages: &[OutgoingMessage]) -> Result<(), LimitExceeded> {
    use LimitExceeded::{NoMessages, SeveralOrderingKeys, TooLarge, TooManyMessages};
    let (count, size) = (messages.len(), messages.iter().map(size).sum());
    holds(count > 0, NoMessages)?;
    holds(count <= MOST_MESSAGES, TooManyMessages(count))?;
    messages.iter().try_for_each(check_message)?;
    let same_key = |pair: &[OutgoingMessage]| pair[0].ordering_key == pair[1].ordering_key;
    holds(messages.windows(2).all(same_key), SeveralOrderingKeys)?;
    holds(size <= MOST_BYTES, TooLarge(size))
}

fn check_message(message: &OutgoingMessage) -> Result<(), LimitExceeded> {
    use LimitExceeded::{AttributeName, AttributeValue, Empty, OrderingKey};
    use LimitExceeded::{ReservedAttributeName, TooManyAttributes};
    let (data, attributes) = (message.data.len(), message.attributes.len());
    let key = message.ordering_key.len();
    holds(data + attributes > 0, Empty)?;
    holds(attributes <= MOST_ATTRIBUTES, TooManyAttributes(attributes))?;
    holds(key <= LONGEST_ORDERING_KEY, OrderingKey(key))?;
    for (name, value) in &message.attributes {
        let reserved = name.starts_with("goog") && name != GOOGLES_TRACEPARENT;
        holds(!reserved, ReservedAttributeName)?;
        let (name, value) = (name.len(), value.len());
        holds(
            (1..=LONGEST_ATTRIBUTE_NAME).contains(&name),
            AttributeName(name),
        )?;
        holds(value <= LONGEST_ATTRIBUTE_VALUE, AttributeValue(value))?;
    }
    Ok(())
}

fn size(message: &OutgoingMessage) -> usize {
    let attributes = message.attributes.iter();
    let attributes = attributes.map(|(name, value)| name.len() + value.len());
    message.data.len() + attributes.sum::<usize>() + message.ordering_key.len()
}

fn holds(rule: bool, broken: LimitExceeded) -> Result<(), LimitExceeded> {
    rule.then_some(()).ok_or(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(bytes: usize) -> OutgoingMessage {
        OutgoingMessage {
            data: vec![b'x'; bytes].into(),
            ..OutgoingMessage::default()
        }
    }

    fn attribute(name: usize, value: usize) -> OutgoingMessage {
        OutgoingMessage {
            attributes: [("n".repeat(name), "v".repeat(value))].into(),
            ..OutgoingMessage::default()
        }
    }

    fn attributes(count: usize) -> OutgoingMessage {
        OutgoingMessage {
            attributes: (0..count).map(|n| (n.to_string(), String::new())).collect(),
            ..OutgoingMessage::default()
        }
    }

    #[test]
    fn what_just_fits_is_taken() {
        let traced = OutgoingMessage {
            attributes: [("googclient_traceparent".to_owned(), String::new())].into(),
            ..OutgoingMessage::default()
        };
        for fitting in [
            data(10_000_000),
            attribute(256, 1_024),
            attributes(100),
            traced,
        ] {
            assert_eq!(check(&[fitting]), Ok(()));
        }
        assert_eq!(check(&vec![data(1); 1_000]), Ok(()));
    }

    #[test]
    fn what_is_too_much_is_named() {
        let key = OutgoingMessage {
            ordering_key: "k".repeat(1_025),
            ..data(1)
        };
        let keyed = |key: &str| OutgoingMessage {
            ordering_key: key.to_owned(),
            ..data(1)
        };
        let reserved = OutgoingMessage {
            attributes: [("googclient_x".to_owned(), String::new())].into(),
            ..OutgoingMessage::default()
        };
        let table = [
            (vec![], LimitExceeded::NoMessages),
            (vec![data(1); 1_001], LimitExceeded::TooManyMessages(1_001)),
            (vec![data(0)], LimitExceeded::Empty),
            (vec![data(10_000_001)], LimitExceeded::TooLarge(10_000_001)),
            (
                vec![data(6_000_000); 2],
                LimitExceeded::TooLarge(12_000_000),
            ),
            (vec![attributes(101)], LimitExceeded::TooManyAttributes(101)),
            (vec![attribute(0, 1)], LimitExceeded::AttributeName(0)),
            (vec![attribute(257, 1)], LimitExceeded::AttributeName(257)),
            (
                vec![attribute(1, 1_025)],
                LimitExceeded::AttributeValue(1_025),
            ),
            (vec![key], LimitExceeded::OrderingKey(1_025)),
            (vec![reserved], LimitExceeded::ReservedAttributeName),
            (
                vec![keyed("a"), keyed("b")],
                LimitExceeded::SeveralOrderingKeys,
            ),
            (
                vec![keyed("a"), keyed("")],
                LimitExceeded::SeveralOrderingKeys,
            ),
        ];
        for (messages, expected) in table {
            assert_eq!(check(&messages), Err(expected));
        }
    }
}
