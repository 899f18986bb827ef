//! Pull subscriptions: messages wait until a subscriber fetches and acks them. Dead letters do.

use std::collections::HashSet;
use std::time::Duration;

use fanout_runtime::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::broker::Broker;
use super::error::BrokerError;
use super::flow_control::Room;
use super::lease::LeasedMessage;
use super::settle::DeliveryKey;
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
        let name = subscription.to_owned();
        self.call(move |broker, file| {
            let stored = pull_subscription(file, &name)?;
            let room = Room {
                messages: most.min(MOST_MESSAGES),
                bytes: MOST_BYTES,
            };
            loop {
                let nothing = HashSet::new();
                let due = lease::due(file, stored.id, broker.now(), &nothing, room.messages)?;
                let mut handed_out = Vec::new();
                for delivery in lease::load(broker, file, &stored, &due, room)? {
                    handed_out.extend(hand_out(broker, file, &stored, delivery)?);
                }
                // Where all that were due became dead letters, there may be more.
                if due.is_empty() || !handed_out.is_empty() {
                    return Ok(handed_out);
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
        self.with_held(subscription, ack_ids, |file, key, now| {
            settle::acknowledge(file, key, now).map(drop)
        })
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
            settle::postpone(file, key, now, deadline, 0)
        })
        .await
    }

    async fn with_held(
        &self,
        subscription: &str,
        ack_ids: &[String],
        act: impl Fn(&Connection, DeliveryKey, Timestamp) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), BrokerError> {
        let name = subscription.to_owned();
        let held: Result<Vec<_>, _> = ack_ids.iter().map(|id| read_ack_id(id)).collect();
        let held = held?;
        self.call(move |broker, file| {
            let subscription = pull_subscription(file, &name)?.id;
            for &(message, attempt) in &held {
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
        return Err(BrokerError::Unfit(format!(
            "subscription `{name}` pushes its messages; it cannot be pulled from"
        )));
    }
    Ok(stored)
}

/// Starts a delivery; or forwards the message, if all its deliveries have gone by without an ack.
fn hand_out(
    broker: &Broker,
    file: &Connection,
    stored: &Stored,
    delivery: LeasedMessage,
) -> Result<Option<PulledMessage>, BrokerError> {
    let key = DeliveryKey {
        message: delivery.message_id,
        subscription: stored.id,
    };
    let (settings, attempt) = (&stored.settings, delivery.attempt);
    if let Some(policy) = &settings.dead_letters
        && attempt > policy.max_attempts
        && settle::forward(broker, file, key, settings, policy, attempt - 1)?
    {
        return Ok(None);
    }
    settle::postpone(file, key, broker.now(), settings.ack_deadline, 1)?;
    Ok(Some(PulledMessage {
        ack_id: format!("{}-{attempt}", delivery.message_id),
        attempt,
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
    let sentence = "an ack id is not one that a pull answered with";
    parsed.ok_or_else(|| BrokerError::Invalid(sentence.to_owned()))
}
