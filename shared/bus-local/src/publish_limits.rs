//! What a publish may hold at most: Pub/Sub's own limits.

use std::fmt::Display;

use fanout_bus::OutgoingMessage;
use fanout_events::GOOGLES_TRACEPARENT;

use super::error::BrokerError;

/// Bytes of data, attributes and ordering key, for one message and for one publish.
const MOST_BYTES: usize = 10_000_000;
/// The same of a message from a service. In Google Cloud its whole request takes 10 MB: with the topic's
/// name, and what stands between the fields.
const MOST_BYTES_OF_A_SERVICE: usize = MOST_BYTES - 10_000;
const MOST_MESSAGES: usize = 1_000;
const MOST_ATTRIBUTES: usize = 100;
const LONGEST_ATTRIBUTE_NAME: usize = 256;
const LONGEST_ATTRIBUTE_VALUE: usize = 1_024;
const LONGEST_ORDERING_KEY: usize = 1_024;

/// Checks a whole publish; nothing of it is taken if one message breaks a limit. No error shows
/// anything of a message.
pub(super) fn check(messages: &[OutgoingMessage]) -> Result<(), BrokerError> {
    let (count, size): (usize, usize) = (messages.len(), messages.iter().map(size).sum());
    holds(count > 0, "a publish needs at least one message")?;
    within(count, MOST_MESSAGES, "a publish takes 1000 messages")?;
    messages.iter().try_for_each(check_message)?;
    let same_key = |pair: &[OutgoingMessage]| pair[0].ordering_key == pair[1].ordering_key;
    if !messages.windows(2).all(same_key) {
        // Pub/Sub keeps the order of one key within a publish.
        let rule =
            "the messages of one publish must have the same ordering key, or none of them one";
        return Err(BrokerError::Unfit(rule.to_owned()));
    }
    let rule = format_args!("a message and a publish take 10 MB, not {size} bytes");
    holds(size <= MOST_BYTES, rule)
}

/// Checks that a message from a service fits into its request in Google Cloud, too.
pub(super) fn check_of_a_service(message: &OutgoingMessage) -> Result<(), BrokerError> {
    let size = size(message);
    let rule = format_args!("a message from a service takes 9.99 MB, not {size} bytes");
    holds(size <= MOST_BYTES_OF_A_SERVICE, rule)
}

fn check_message(message: &OutgoingMessage) -> Result<(), BrokerError> {
    let (data, attributes) = (message.data.len(), message.attributes.len());
    let rule = "a message needs data or at least one attribute";
    holds(data + attributes > 0, rule)?;
    let rule = "a message takes 100 attributes";
    within(attributes, MOST_ATTRIBUTES, rule)?;
    let (key, rule) = (&message.ordering_key, "an ordering key takes 1024 bytes");
    within(key.len(), LONGEST_ORDERING_KEY, rule)?;
    for (name, value) in &message.attributes {
        let reserved = name.starts_with("goog") && name != GOOGLES_TRACEPARENT;
        holds(!reserved, "an attribute's name must not begin with goog")?;
        let fits = !name.is_empty() && name.len() <= LONGEST_ATTRIBUTE_NAME;
        let rule = "an attribute's name takes 1 to 256 bytes";
        holds(fits, format_args!("{rule}, not {}", name.len()))?;
        let rule = "an attribute's value takes 1024 bytes";
        within(value.len(), LONGEST_ATTRIBUTE_VALUE, rule)?;
    }
    Ok(())
}

fn within(number: usize, most: usize, rule: &str) -> Result<(), BrokerError> {
    holds(number <= most, format_args!("{rule}, not {number}"))
}

fn size(message: &OutgoingMessage) -> usize {
    let attributes = message.attributes.iter();
    let attributes = attributes.map(|(name, value)| name.len() + value.len());
    message.data.len() + attributes.sum::<usize>() + message.ordering_key.len()
}

/// The rule is put into words only where it is broken.
fn holds(holds: bool, rule: impl Display) -> Result<(), BrokerError> {
    let broken = || BrokerError::Invalid(rule.to_string());
    holds.then_some(()).ok_or_else(broken)
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
            check(&[fitting]).unwrap();
        }
        check(&vec![data(1); 1_000]).unwrap();
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
        let name = |length| format!("an attribute's name takes 1 to 256 bytes, not {length}");
        let size = |size| format!("a message and a publish take 10 MB, not {size} bytes");
        let one_key =
            "the messages of one publish must have the same ordering key, or none of them one";
        let table: [(Vec<OutgoingMessage>, &str); 13] = [
            (vec![], "a publish needs at least one message"),
            (
                vec![data(1); 1_001],
                "a publish takes 1000 messages, not 1001",
            ),
            (
                vec![data(0)],
                "a message needs data or at least one attribute",
            ),
            (vec![data(10_000_001)], &size(10_000_001)),
            (vec![data(6_000_000); 2], &size(12_000_000)),
            (
                vec![attributes(101)],
                "a message takes 100 attributes, not 101",
            ),
            (vec![attribute(0, 1)], &name(0)),
            (vec![attribute(257, 1)], &name(257)),
            (
                vec![attribute(1, 1_025)],
                "an attribute's value takes 1024 bytes, not 1025",
            ),
            (vec![key], "an ordering key takes 1024 bytes, not 1025"),
            (
                vec![reserved],
                "an attribute's name must not begin with goog",
            ),
            (vec![keyed("a"), keyed("b")], one_key),
            (vec![keyed("a"), keyed("")], one_key),
        ];
        for (messages, expected) in table {
            assert_eq!(check(&messages).unwrap_err().to_string(), expected);
        }
    }
}
