//! What becomes of a delivery: acked, tried again later, or moved to the dead letters.

use std::time::Duration;

use chrono::SecondsFormat;
use fanout_runtime::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::error::BrokerError;
use super::publish::Subscribers;
use super::{forget, ordering, rows, subscriptions};
use fanout_bus::OutgoingMessage;

/// One message's row for one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeliveryKey {
    pub(super) message: i64,
    pub(super) subscription: i64,
}

/// Deletes the delivery, lets the next message with its ordering key go, and deletes the message
/// when no subscription waits for it or retains it. An ack for what is no longer there changes
/// nothing.
pub(super) fn acknowledge(
    file: &Connection,
    key: DeliveryKey,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let ordering_key: Option<String> = file
        .prepare_cached(
            "DELETE FROM deliveries WHERE message = ?1 AND subscription = ?2
             RETURNING ordering_key",
        )?
        .query_row((key.message, key.subscription), |row| row.get(0))
        .optional()?;
    let Some(ordering_key) = ordering_key else {
        return Ok(());
    };
    ordering::release_next(file, key.subscription, &ordering_key, now)?;
    file.prepare_cached(
        "INSERT INTO retained (message, subscription)
         SELECT ?1, id FROM subscriptions WHERE id = ?2 AND retains_acked",
    )?
    .execute((key.message, key.subscription))?;
    forget::if_unwanted(file, key.message)
}

/// Counts a failed delivery; the message is due again after `wait`.
pub(super) fn retry(
    file: &Connection,
    key: DeliveryKey,
    now: Timestamp,
    wait: Duration,
) -> rusqlite::Result<()> {
    let due = now
        .timestamp_millis()
        .saturating_add(rows::milliseconds(wait));
    file.prepare_cached(
        "UPDATE deliveries SET attempts = attempts + 1, due_ms = ?3
         WHERE message = ?1 AND subscription = ?2",
    )?
    .execute((key.message, key.subscription, due))?;
    Ok(())
}

/// Moves the next delivery, without counting a failure.
pub(super) fn postpone(
    file: &Connection,
    key: DeliveryKey,
    now: Timestamp,
    wait: Duration,
) -> rusqlite::Result<()> {
    let due = now
        .timestamp_millis()
        .saturating_add(rows::milliseconds(wait));
    file.prepare_cached(
        "UPDATE deliveries SET due_ms = ?3 WHERE message = ?1 AND subscription = ?2",
    )?
    .execute((key.message, key.subscription, due))?;
    Ok(())
}

/// Where a message comes from that has become a dead letter.
#[derive(Debug, Clone)]
pub(super) struct DeadLetterSource {
    pub(super) project: String,
    pub(super) subscription: String,
    pub(super) attempts: u32,
}

/// Whether a message could go to the dead-letter topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forwarded {
    Done,
    /// Nothing was changed.
    NoSuchTopic,
}

/// Publishes the message to the dead-letter topic, with Google's attributes on where it comes from,
/// and acks it. Setting up has made sure that the topic is there, but topics can be deleted.
pub(super) fn forward(
    file: &Connection,
    key: DeliveryKey,
    now: Timestamp,
    topic: &str,
    source: &DeadLetterSource,
) -> Result<Forwarded, BrokerError> {
    if !subscriptions::topic_exists(file, topic)? {
        return Ok(Forwarded::NoSuchTopic);
    }
    let stored = file
        .prepare_cached(
            "SELECT publish_time_ms, messages.ordering_key, attributes, data
             FROM deliveries JOIN messages ON messages.id = deliveries.message
             WHERE deliveries.message = ?1 AND subscription = ?2",
        )?
        .query_row((key.message, key.subscription), |row| {
            let data: Vec<u8> = row.get("data")?;
            let message = OutgoingMessage {
                data: data.into(),
                attributes: rows::attributes(row, "attributes")?,
                ordering_key: row.get("ordering_key")?,
            };
            Ok((message, rows::time(row, "publish_time_ms")?))
        })
        .optional()?;
    let Some((mut message, published)) = stored else {
        return Ok(Forwarded::Done);
    };
    let published = published.to_rfc3339_opts(SecondsFormat::Millis, true);
    message.attributes.extend([
        (
            "CloudPubSubDeadLetterSourceDeliveryCount".to_owned(),
            source.attempts.to_string(),
        ),
        (
            "CloudPubSubDeadLetterSourceSubscription".to_owned(),
            source.subscription.clone(),
        ),
        (
            "CloudPubSubDeadLetterSourceSubscriptionProject".to_owned(),
            source.project.clone(),
        ),
        (
            "CloudPubSubDeadLetterSourceTopicPublishTime".to_owned(),
            published,
        ),
    ]);
    Subscribers::of_topic(file, topic)?.insert(file, now, &message)?;
    acknowledge(file, key, now)?;
    Ok(Forwarded::Done)
}
