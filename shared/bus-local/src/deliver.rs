//! One delivery from the push to its lasting result.

use std::sync::Arc;
use std::time::Duration;

use fanout_runtime::{Shutdown, error_chain};
use rusqlite::Connection;
use tracing::{debug, error, warn};

use super::broker::Broker;
use super::error::BrokerError;
use super::lease::LeasedMessage;
use super::mischief::AfterAck;
use super::push::{PushAnswer, PushClient, wrapped_headers};
use super::settle::{self, DeliveryKey};
use super::subscriptions::{Stored, endpoint_uri};
use fanout_bus::{DeadLetterPolicy, PushedMessage, Wrapping};

/// How long a delivery whose result could not be written keeps its place: the file has trouble, and
/// the message will be due at once.
const AFTER_DATABASE_ERROR: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) answer: PushAnswer,
    /// Whether a message may have become due by it: this one again, or the next with its key.
    pub(super) look_again: bool,
}

/// What a delivery needs besides its message.
#[derive(Clone)]
pub(super) struct Deliverer {
    pub(super) broker: Broker,
    pub(super) client: PushClient,
    pub(super) subscription: Arc<Stored>,
    pub(super) shutdown: Shutdown,
}

impl Deliverer {
    /// Pushes, and writes down what comes of it. Returns once that is committed. It is not synced by
    /// itself: where a loss of power takes it, the message is delivered once more.
    pub(super) async fn deliver(self, delivery: LeasedMessage) -> Delivered {
        let (message_id, attempt) = (delivery.message_id, delivery.attempt);
        let answer = self.push(delivery.message).await;
        let look_again = match self.settle(&answer, message_id, attempt).await {
            Ok(look_again) => look_again,
            Err(error) => {
                let error = error_chain(&error);
                error!(
                    error,
                    "the result of a delivery is lost; it is delivered again"
                );
                tokio::time::sleep(AFTER_DATABASE_ERROR).await;
                true
            }
        };
        Delivered { answer, look_again }
    }

    async fn push(&self, message: PushedMessage) -> PushAnswer {
        let settings = &self.subscription.settings;
        let Some(endpoint) = settings.push_endpoint.as_deref().and_then(endpoint_uri) else {
            return PushAnswer::Unreachable("its address is no http:// URL".to_owned());
        };
        let (headers, body) = match settings.wrapping {
            Wrapping::Wrapped => match message.to_json() {
                Ok(body) => (wrapped_headers(), body.into()),
                Err(error) => return PushAnswer::Unreachable(error.to_string()),
            },
            Wrapping::Bare { metadata } => (message.to_headers(metadata), message.data.clone()),
        };
        // The endpoint may take its time; the data is in the body now.
        drop(message);
        let deadline = settings.ack_deadline;
        self.client.push(endpoint, headers, body, deadline).await
    }

    /// Writes down what comes of it. Answers whether a message may be due by it.
    async fn settle(
        &self,
        answer: &PushAnswer,
        message_id: i64,
        attempt: u32,
    ) -> Result<bool, BrokerError> {
        let (broker, settings) = (&self.broker, &self.subscription.settings);
        let subscription = settings.name.as_str();
        let key = DeliveryKey {
            message: message_id,
            subscription: self.subscription.id,
        };
        let acked = *answer == PushAnswer::Acked;
        let after_ack = acked.then(|| broker.mischief().after_ack(broker.ids()));
        if let Some(after @ (AfterAck::Done | AfterAck::DeliverAgain)) = after_ack {
            debug!(subscription, message_id, attempt, "delivered");
            let work = move |broker: &Broker, file: &Connection| {
                if after == AfterAck::Done {
                    return Ok(settle::acknowledge(file, key, broker.now())?);
                }
                settle::postpone(file, key, broker.now(), Duration::ZERO, 0)?;
                Ok(true)
            };
            return broker.call_lazily(work).await;
        }
        // The endpoint may be stopping as well; that is not the message's fault. It stays due.
        if self.shutdown.is_requested() {
            return Ok(true);
        }
        let wait = settings.backoff.wait(attempt, broker.ids());
        let policy = settings.dead_letters.clone();
        let policy = policy.filter(|policy| attempt >= policy.max_attempts);
        if let Some(DeadLetterPolicy { topic, .. }) = &policy {
            warn!(subscription, message_id, attempt, %answer, topic, "last delivery failed: dead letter");
        } else {
            let wait_ms = wait.as_millis();
            debug!(subscription, message_id, attempt, %answer, wait_ms, "delivery failed");
        }
        let from = Arc::clone(&self.subscription);
        let work = move |broker: &Broker, file: &Connection| {
            let forwarded = match &policy {
                Some(policy) => {
                    settle::forward(broker, file, key, &from.settings, policy, attempt)?
                }
                None => false,
            };
            if !forwarded {
                settle::postpone(file, key, broker.now(), wait, 1)?;
            }
            Ok(true)
        };
        broker.call_lazily(work).await
    }
}
