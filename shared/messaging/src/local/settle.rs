//! What becomes of a delivery: acked, tried again later, or moved to the dead letters.

use std::time::Duration;

use chrono::SecondsFormat;
use fanout_runtime::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::error::BrokerError;
use super::publish::Recipients;
use super::rows;
use crate::OutgoingMessage;

/// One message's row for one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeliveryKey {
    pub(super) message: i64,
    pub(super) subscription: i64,
}

/// Deletes the delivery, lets the next message with its ordering key go, and deletes the message
/// when no other subscription waits for it. An ack for what is no longer there changes nothing.
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
    if !ordering_key.is_empty() {
        file.prepare_cached(
            "UPDATE deliveries SET due_ms = ?3
             WHERE subscription = ?1 AND due_ms IS NULL AND message =
                 (SELECT min(message) FROM deliveries
                  WHERE subscription = ?1 AND ordering_key = ?2 AND ordering_key <> '')",
        )?
        .execute((key.subscription, ordering_key, now.timestamp_millis()))?;
    }
    file.prepare_cached(
        "DELETE FROM messages WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = ?1)",
    )?
    .execute([key.message])?;
    Ok(())
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

/// Publishes the message to the dead-letter topic, with Google's attributes on where it comes from,
/// and acks it. Setting up has made sure that the topic is there, and topics are never deleted.
pub(super) fn forward(
    file: &Connection,
    key: DeliveryKey,
    now: Timestamp,
    topic: &str,
    source: &DeadLetterSource,
) -> Result<(), BrokerError> {
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
        return Ok(());
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
    Recipients::of_topic(file, topic)?.insert(file, now, &message)?;
    acknowledge(file, key, now)?;
    Ok(())
}
