//! Pull subscriptions: messages wait until a subscriber fetches and acks them. Dead letters do.

use std::collections::HashSet;
use std::time::Duration;

use fanout_runtime::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use tracing::warn;

use super::broker::Broker;
use super::error::BrokerError;
use super::flow_control::Room;
use super::lease::LeasedMessage;
use super::settle::{DeadLetterSource, DeliveryKey, Forwarded};
use super::subscriptions::{self, LONGEST_WAIT, Stored};
use super::{lease, settle};
use fanout_bus::PushedMessage;

/// How many messages one pull answers with at most.
const MOST_MESSAGES: usize = 1_000;
/// How many bytes of messages one pull answers with; a single larger message is let through.
const MOST_BYTES: usize = 10_000_000;

/// A message that was fetched and waits for its ack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledMessage {
    /// What [`Broker::acknowledge`] wants.
    pub ack_id: String,
    /// Which delivery this is, from 1.
    pub attempt: u32,
    /// The message.
    pub message: PushedMessage,
}

impl Broker {
    /// Fetches at most `most` messages, and never more than 1,000. No other pull gets them for the
    /// length of the subscription's ack deadline. Answers at once, with none if none is waiting. Of
    /// an ordering key there is one at a time.
    pub async fn pull(
        &self,
        subscription: &str,
        most: usize,
    ) -> Result<Vec<PulledMessage>, BrokerError> {
        let (broker, name) = (self.clone(), subscription.to_owned());
        self.database()
            .call(move |file| {
                let stored = pull_subscription(file, &name)?;
                loop {
                    let fetched = fetch(&broker, file, &stored, most.min(MOST_MESSAGES))?;
                    // None of those that were due is left for the caller: all became dead letters.
                    let only_dead_letters = fetched.handed_out.is_empty() && fetched.due > 0;
                    if !only_dead_letters {
                        return Ok(fetched.handed_out);
                    }
                }
            })
            .await
    }

    /// Acks messages that were pulled. An ack that comes too late (the message was handed out
    /// again) changes nothing.
    pub async fn acknowledge(
        &self,
        subscription: &str,
        ack_ids: &[String],
    ) -> Result<(), BrokerError> {
        self.with_held(subscription, ack_ids, settle::acknowledge)
            .await
    }

    /// Keeps messages that were pulled for so much longer from now on, at most ten minutes; zero
    /// gives them back.
    pub async fn modify_ack_deadline(
        &self,
        subscription: &str,
        ack_ids: &[String],
        deadline: Duration,
    ) -> Result<(), BrokerError> {
        let deadline = deadline.min(LONGEST_WAIT);
        self.with_held(subscription, ack_ids, move |file, key, now| {
            settle::postpone(file, key, now, deadline)
        })
        .await
    }

    async fn with_held(
        &self,
        subscription: &str,
        ack_ids: &[String],
        act: impl Fn(&Connection, DeliveryKey, Timestamp) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), BrokerError> {
        let (broker, name) = (self.clone(), subscription.to_owned());
        let held: Result<Vec<_>, _> = ack_ids.iter().map(|id| read_ack_id(id)).collect();
        let held = held?;
        self.database()
            .call(move |file| {
                let subscription = pull_subscription(file, &name)?.id;
                for (message, attempt) in held {
                    let key = DeliveryKey {
                        message,
                        subscription,
                    };
                    if attempts(file, key)? == Some(attempt) {
                        act(file, key, broker.now())?;
                    }
                }
                // What was given back is due, and so is what waited for an acked message.
                broker.wake();
                Ok(())
            })
            .await
    }
}

fn pull_subscription(file: &Connection, name: &str) -> Result<Stored, BrokerError> {
    let stored = subscriptions::by_name(file, name)?;
    if stored.settings.push_endpoint.is_some() {
        return Err(BrokerError::NotAPullSubscription(name.to_owned()));
    }
    Ok(stored)
}

struct PulledBatch {
    due: usize,
    handed_out: Vec<PulledMessage>,
}

fn fetch(
    broker: &Broker,
    file: &Connection,
    stored: &Stored,
    most: usize,
) -> Result<PulledBatch, BrokerError> {
    let now = broker.now();
    let due = lease::due(file, stored.id, now, &HashSet::new(), most)?;
    let room = Room {
        messages: most,
        bytes: MOST_BYTES,
    };
    let (id, settings) = (stored.id, &stored.settings);
    let mut handed_out = Vec::new();
    for delivery in lease::load(file, id, settings, broker.project(), &due, room)? {
        handed_out.extend(hand_out(broker, file, stored, delivery, now)?);
    }
    Ok(PulledBatch {
        due: due.len(),
        handed_out,
    })
}

/// Starts a delivery; or forwards the message, if all its deliveries have gone by without an ack.
fn hand_out(
    broker: &Broker,
    file: &Connection,
    stored: &Stored,
    delivery: LeasedMessage,
    now: Timestamp,
) -> Result<Option<PulledMessage>, BrokerError> {
    let key = DeliveryKey {
        message: delivery.message_id,
        subscription: stored.id,
    };
    let settings = &stored.settings;
    if let Some(policy) = &settings.dead_letters
        && delivery.attempt > policy.max_attempts
    {
        let source = DeadLetterSource {
            project: broker.project().to_owned(),
            subscription: settings.name.clone(),
            attempts: delivery.attempt - 1,
        };
        match settle::forward(file, key, now, &policy.topic, &source)? {
            Forwarded::Done => {
                broker.wake();
                return Ok(None);
            }
            Forwarded::NoSuchTopic => {
                let topic = policy.topic.as_str();
                warn!(
                    topic,
                    "there is no such dead-letter topic: the message stays"
                );
            }
        }
    }
    settle::retry(file, key, now, settings.ack_deadline)?;
    Ok(Some(PulledMessage {
        ack_id: format!("{}-{}", delivery.message_id, delivery.attempt),
        attempt: delivery.attempt,
        message: delivery.message,
    }))
}

fn attempts(file: &Connection, key: DeliveryKey) -> rusqlite::Result<Option<u32>> {
    file.prepare_cached("SELECT attempts FROM deliveries WHERE message = ?1 AND subscription = ?2")?
        .query_row((key.message, key.subscription), |row| row.get(0))
        .optional()
}

fn read_ack_id(ack_id: &str) -> Result<(i64, u32), BrokerError> {
    let parts = ack_id.split_once('-');
    let parsed =
        parts.and_then(|(message, attempt)| Some((message.parse().ok()?, attempt.parse().ok()?)));
    parsed.ok_or(BrokerError::InvalidAckId)
}
