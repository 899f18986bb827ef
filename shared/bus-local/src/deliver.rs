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
    pub(super) message_id: i64,
    pub(super) answer: PushAnswer,
    /// Whether a message may have become due by it: this one again, or the next with its key.
    pub(super) look_again: bool,
}

/// What is to become of the delivery.
enum Next {
    Acknowledge,
    DeliverAgain,
    Retry(Duration),
    Forward {
        policy: DeadLetterPolicy,
        /// The wait until the next delivery, should the dead-letter topic have been deleted.
        otherwise: Duration,
    },
    /// Nothing is written: the message stays due.
    Leave,
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
        let next = self.next(&answer, attempt);
        let settled = self.settle(next, message_id, attempt, &answer).await;
        let look_again = match settled {
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
        Delivered {
            message_id,
            answer,
            look_again,
        }
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
            Wrapping::Data => (message.to_headers(false), message.data.clone()),
            Wrapping::DataWithMetadata => (message.to_headers(true), message.data.clone()),
        };
        // The endpoint may take its time; the data is in the body now.
        drop(message);
        let deadline = settings.ack_deadline;
        self.client.push(endpoint, headers, body, deadline).await
    }

    fn next(&self, answer: &PushAnswer, attempt: u32) -> Next {
        let ids = self.broker.ids();
        if *answer == PushAnswer::Acked {
            match self.broker.mischief().after_ack(ids) {
                AfterAck::Done => return Next::Acknowledge,
                AfterAck::DeliverAgain => return Next::DeliverAgain,
                AfterAck::AnswerLost => {}
            }
        }
        // The endpoint may be stopping as well; that is not the message's fault.
        if self.shutdown.is_requested() {
            return Next::Leave;
        }
        let settings = &self.subscription.settings;
        let wait = settings.backoff.wait(attempt, ids);
        match &settings.dead_letters {
            Some(policy) if attempt >= policy.max_attempts => Next::Forward {
                policy: policy.clone(),
                otherwise: wait,
            },
            Some(_) | None => Next::Retry(wait),
        }
    }

    /// Whether a message may be due by it.
    async fn settle(
        &self,
        next: Next,
        message_id: i64,
        attempt: u32,
        answer: &PushAnswer,
    ) -> Result<bool, BrokerError> {
        let settings = &self.subscription.settings;
        let subscription = settings.name.as_str();
        match &next {
            Next::Leave => return Ok(true),
            Next::Acknowledge | Next::DeliverAgain => {
                debug!(subscription, message_id, attempt, "delivered");
            }
            Next::Retry(wait) => {
                let wait_ms = wait.as_millis();
                debug!(subscription, message_id, attempt, %answer, wait_ms, "delivery failed");
            }
            Next::Forward { policy, .. } => {
                let topic = policy.topic.as_str();
                warn!(subscription, message_id, attempt, %answer, topic, "last delivery failed: dead letter");
            }
        }
        let key = DeliveryKey {
            message: message_id,
            subscription: self.subscription.id,
        };
        let from = Arc::clone(&self.subscription);
        let work = move |broker: &Broker, file: &Connection| {
            let now = broker.now();
            match &next {
                Next::Leave => {}
                Next::Acknowledge => return Ok(settle::acknowledge(file, key, now)?),
                Next::DeliverAgain => settle::postpone(file, key, now, Duration::ZERO)?,
                Next::Retry(wait) => settle::retry(file, key, now, *wait)?,
                Next::Forward { policy, otherwise } => {
                    if !settle::forward(broker, file, key, &from.settings, policy, attempt)? {
                        settle::retry(file, key, now, *otherwise)?;
                    }
                }
            }
            Ok(true)
        };
        self.broker.call_lazily(work).await
    }
}
