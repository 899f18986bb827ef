//! One delivery from message to outcome.

use std::sync::Arc;

use fanout_dedup::{Ledger, LedgerError, Links, Seen};
use fanout_events::{Decoded, Fingerprint, Payload, Received, decode};
use fanout_runtime::{Clock, IdGenerator, Timings};
use fanout_store::Documents;

use super::consumer::{Consumer, Reaction};
use super::outcome::{Outcome, ParkReason};
use super::park::DeadLetters;
use super::push_auth::PushAuth;
use fanout_bus::{Publisher, PushedMessage};

/// What a consumer's pipeline needs.
#[derive(Clone)]
pub struct ConsumerDeps {
    /// Where marks and effects live.
    pub documents: Arc<dyn Documents>,
    /// Where events go that will never work.
    pub publisher: Arc<dyn Publisher>,
    /// This consumer's own dead-letter topic.
    pub dead_letter_topic: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids of claims, and jitter.
    pub ids: Arc<dyn IdGenerator>,
    /// Leases and limits.
    pub timings: Timings,
    /// Who may push.
    pub auth: PushAuth,
    /// The Google Cloud project, for the trace field of the logs.
    pub project: String,
}

/// One consumer's pipeline.
pub struct Pipeline {
    pub(super) consumer: Consumer,
    pub(super) documents: Arc<dyn Documents>,
    pub(super) ledger: Ledger,
    pub(super) dead_letters: DeadLetters,
    pub(super) timings: Timings,
}

/// What became of a delivery, with what is worth a log line.
pub(super) struct Settled {
    pub(super) outcome: Outcome,
    pub(super) event_id: String,
    pub(super) event_type: String,
    pub(super) subject: Option<String>,
    pub(super) correlation_id: Option<String>,
    pub(super) may_have_repeated: bool,
}

/// A delivery whose event could be decoded.
pub(super) struct Delivery<'a> {
    pub(super) message: &'a PushedMessage,
    pub(super) decoded: &'a Decoded,
    pub(super) seen: Seen,
}

/// An outcome, and whether a crash of somebody before may have doubled the effect.
pub(super) struct Reacted {
    pub(super) outcome: Outcome,
    pub(super) may_have_repeated: bool,
}

impl From<Outcome> for Reacted {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            may_have_repeated: false,
        }
    }
}

impl From<LedgerError> for Outcome {
    fn from(error: LedgerError) -> Self {
        Self::Failed(error.into())
    }
}

impl Pipeline {
    /// The pipeline of `consumer`.
    pub fn new(consumer: Consumer, deps: &ConsumerDeps) -> Self {
        let ledger = Ledger::new(
            Arc::clone(&deps.documents),
            Arc::clone(&deps.clock),
            Arc::clone(&deps.ids),
            deps.timings,
        );
        Self {
            dead_letters: DeadLetters {
                publisher: Arc::clone(&deps.publisher),
                topic: deps.dead_letter_topic.clone(),
                consumer: consumer.name,
            },
            consumer,
            documents: Arc::clone(&deps.documents),
            ledger,
            timings: deps.timings,
        }
    }

    /// Takes one delivery to its outcome.
    pub async fn deliver(&self, message: &PushedMessage) -> Outcome {
        self.settle(message).await.outcome
    }

    pub(super) async fn settle(&self, message: &PushedMessage) -> Settled {
        let received = Received {
            data: &message.data,
            message_id: &message.message_id,
            publish_time: message.publish_time,
        };
        match decode(&received) {
            Ok(decoded) => self.settle_event(message, &decoded).await,
            Err(error) => {
                let seen = Seen {
                    consumer: self.consumer.name,
                    event_id: received.fallback_event_id(),
                    event_type: String::new(),
                    fingerprint: Fingerprint::of_bytes(&message.data),
                    links: Links::default(),
                };
                let outcome = self.park(message, &seen, ParkReason::from(&error)).await;
                Settled {
                    outcome,
                    event_id: seen.event_id,
                    event_type: seen.event_type,
                    subject: None,
                    correlation_id: None,
                    may_have_repeated: false,
                }
            }
        }
    }

    async fn settle_event(&self, message: &PushedMessage, decoded: &Decoded) -> Settled {
        let event = &decoded.event;
        let delivery = Delivery {
            message,
            decoded,
            seen: Seen {
                consumer: self.consumer.name,
                event_id: event.id.clone(),
                event_type: event.event_type.clone(),
                fingerprint: decoded.fingerprint.clone(),
                links: Links::of(event),
            },
        };
        let wanted = event.data != Payload::Unknown
            && self.consumer.handles.contains(&event.event_type.as_str());
        let reacted = match (&self.consumer.reaction, wanted) {
            (_, false) => Outcome::Ignored.into(),
            (Reaction::InStore(effect), true) => {
                self.react_in_store(&delivery, effect.as_ref()).await.into()
            }
            (Reaction::Outside(effect), true) => {
                self.react_outside(&delivery, effect.as_ref()).await
            }
        };
        Settled {
            outcome: reacted.outcome,
            event_id: event.id.clone(),
            event_type: event.event_type.clone(),
            subject: Some(event.subject.clone()),
            correlation_id: event.correlation_id.clone(),
            may_have_repeated: reacted.may_have_repeated,
        }
    }
}
