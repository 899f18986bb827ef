//! What becomes of a delivery: acked, tried again later, or moved to the dead letters.

use std::time::Duration;

use chrono::SecondsFormat;
use fanout_runtime::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::broker::Broker;
use super::error::BrokerError;
use super::publish::Subscribers;
use super::rows::{Attributes, Time};
use super::{forget, ordering, rows, subscriptions};
use fanout_bus::{DeadLetterPolicy, OutgoingMessage, Subscription};
use tracing::warn;

/// One message's row for one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeliveryKey {
    pub(super) message: i64,
    pub(super) subscription: i64,
}

/// Deletes the delivery, lets the next message with its ordering key go, and deletes the message
/// when no subscription waits for it or retains it. An ack for what is no longer there changes
/// nothing. Answers whether a next message is due by this.
pub(super) fn acknowledge(
    file: &Connection,
    key: DeliveryKey,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let ordering_key: Option<String> = file
        .prepare_cached(
            "SELECT ordering_key FROM deliveries WHERE message = ?1 AND subscription = ?2",
        )?
        .query_row((key.message, key.subscription), |row| row.get(0))
        .optional()?;
    let Some(ordering_key) = ordering_key else {
        return Ok(false);
    };
    // Not with RETURNING: SQLite then makes a table in memory for the answer, which costs more.
    file.prepare_cached("DELETE FROM deliveries WHERE message = ?1 AND subscription = ?2")?
        .execute((key.message, key.subscription))?;
    let released = ordering::release_next(file, key.subscription, &ordering_key, now)?;
    let retains = file
        .prepare_cached("SELECT 1 FROM subscriptions WHERE id = ?1 AND retains_acked")?
        .exists([key.subscription])?;
    if retains {
        file.prepare_cached("INSERT INTO retained (message, subscription) VALUES (?1, ?2)")?
            .execute((key.message, key.subscription))?;
    }
    forget::if_unwanted(file, key.message)?;
    Ok(released)
}

/// The message is due again after `wait`. Counts so many failed deliveries.
pub(super) fn postpone(
    file: &Connection,
    key: DeliveryKey,
    now: Timestamp,
    wait: Duration,
    failures: u32,
) -> rusqlite::Result<()> {
    let due = now.timestamp_millis();
    let due = due.saturating_add(rows::milliseconds(wait));
    file.prepare_cached(
        "UPDATE deliveries SET attempts = attempts + ?4, due_ms = ?3
         WHERE message = ?1 AND subscription = ?2",
    )?
    .execute((key.message, key.subscription, due, failures))?;
    Ok(())
}

/// Publishes the message to the dead-letter topic, with Google's attributes on where it comes from,
/// and acks it. Setting up has made sure that the topic is there, but topics can be deleted: then
/// this is false, and nothing has changed.
pub(super) fn forward(
    broker: &Broker,
    file: &Connection,
    key: DeliveryKey,
    from: &Subscription,
    policy: &DeadLetterPolicy,
    attempts: u32,
) -> Result<bool, BrokerError> {
    let (topic, now) = (policy.topic.as_str(), broker.now());
    if !subscriptions::topic_exists(file, topic)? {
        warn!(
            topic,
            "there is no such dead-letter topic: the message stays"
        );
        return Ok(false);
    }
    let stored = file
        .prepare_cached(
            "SELECT publish_time_ms, messages.ordering_key, attributes, data
             FROM deliveries JOIN messages ON messages.id = deliveries.message
             WHERE deliveries.message = ?1 AND subscription = ?2",
        )?
        .query_row((key.message, key.subscription), |row| {
            let (Time(published), ordering_key, Attributes(attributes), data): (_, _, _, Vec<u8>) =
                row.try_into()?;
            let message = OutgoingMessage {
                data: data.into(),
                attributes,
                ordering_key,
            };
            Ok((message, published))
        })
        .optional()?;
    let Some((mut message, published)) = stored else {
        return Ok(true);
    };
    let notes = [
        ("DeliveryCount", attempts.to_string()),
        ("Subscription", from.name.clone()),
        ("SubscriptionProject", broker.project().to_owned()),
        (
            "TopicPublishTime",
            published.to_rfc3339_opts(SecondsFormat::Millis, true),
        ),
    ];
    let notes = notes.map(|(what, value)| (format!("CloudPubSubDeadLetterSource{what}"), value));
    message.attributes.extend(notes);
    Subscribers::of_topic(file, topic)?.insert(file, now, &message)?;
    acknowledge(file, key, now)?;
    broker.wake();
    Ok(true)
}
