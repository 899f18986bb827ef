//! One delivery from message to outcome.

use std::sync::Arc;

use fanout_bus::{Publisher, PushedMessage};
use fanout_dedup::{Ledger, LedgerError, Links, Seen};
use fanout_events::{
    DecodeError, Decoded, Event, Fingerprint, Received, StepRef, decode_message, is_cloud_event,
};
use fanout_outbox::{Committed, Outbox};
use fanout_runtime::{Clock, IdGenerator, Timings};
use fanout_store::{Documents, Write};
use fanout_telemetry::Processed;

use crate::consumer::Consumer;
use crate::delivery::{Arrival, Delivery, Reacted, has_row};
use crate::effect::UnitOfWork;
use crate::handler::Bound;
use crate::outcome::{Outcome, ParkReason};
use crate::park::DeadLetters;
use crate::push_auth::PushAuth;

/// What a consumer's pipeline needs.
#[derive(Clone)]
pub struct ConsumerDeps {
    /// Where marks and effects live.
    pub documents: Arc<dyn Documents>,
    /// Where events go that will never work.
    pub publisher: Arc<dyn Publisher>,
    /// What its service stores and publishes events with.
    pub outbox: Outbox,
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
}

/// One consumer's pipeline.
pub struct Pipeline {
    pub(super) consumer: Consumer,
    pub(super) documents: Arc<dyn Documents>,
    pub(super) outbox: Outbox,
    pub(super) ledger: Ledger,
    pub(super) dead_letters: DeadLetters,
    pub(super) ids: Arc<dyn IdGenerator>,
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
    /// The step of a process that it asks for or answers.
    pub(super) step: Option<StepRef>,
}

impl Settled {
    /// What of it stands in its span.
    pub(super) fn traced(&self) -> Processed<'_> {
        let error_type = match &self.outcome {
            Outcome::Parked(reason) => Some(reason.slug),
            Outcome::Failed(_) => Some(self.outcome.name()),
            Outcome::Done
            | Outcome::Duplicate
            | Outcome::Ignored
            | Outcome::Stale
            | Outcome::Busy { .. }
            | Outcome::Deferred(_) => None,
        };
        Processed {
            event_id: &self.event_id,
            event_type: &self.event_type,
            outcome: self.outcome.name(),
            may_have_repeated: self.may_have_repeated,
            error_type,
        }
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
            outbox: deps.outbox.clone(),
            ledger,
            ids: Arc::clone(&deps.ids),
            timings: deps.timings,
        }
    }

    /// Takes one delivery to its outcome.
    pub async fn deliver(&self, message: &PushedMessage) -> Outcome {
        self.settle(message, false).await.outcome
    }

    pub(super) async fn settle(&self, message: &PushedMessage, redriven: bool) -> Settled {
        let received = Received {
            data: &message.data,
            message_id: &message.message_id,
            publish_time: message.publish_time,
        };
        let (event, fingerprint) = match decode_message(&received, &message.attributes) {
            Ok(Decoded { event, fingerprint }) => (event, fingerprint),
            Err(error) => {
                let outcome = self
                    .park_undecodable(&received, message, redriven, &error)
                    .await;
                return Settled {
                    outcome,
                    event_id: received.fallback_event_id(),
                    event_type: String::new(),
                    subject: None,
                    correlation_id: None,
                    may_have_repeated: false,
                    step: None,
                };
            }
        };
        let links = if has_row(message, &event) {
            Links::default()
        } else {
            Links::of(&event)
        };
        let delivery = Delivery {
            arrival: Arrival {
                message,
                seen: Seen {
                    consumer: self.consumer.name,
                    event_id: event.id.clone(),
                    fingerprint,
                    links,
                },
                redriven,
            },
            event: &event,
        };
        let Reacted {
            outcome,
            may_have_repeated,
        } = self.react(&delivery, &received).await;
        let step = StepRef::named_by(&event);
        Settled {
            outcome,
            event_id: event.id,
            event_type: event.event_type,
            subject: Some(event.subject),
            correlation_id: event.correlation_id,
            may_have_repeated,
            step,
        }
    }

    async fn react(&self, delivery: &Delivery<'_>, received: &Received<'_>) -> Reacted {
        let event = delivery.event;
        let Some(handler) = self.consumer.handler(&event.event_type) else {
            return match self.unknown(delivery.arrival.message, event) {
                Some(reason) => self.park(&delivery.arrival, reason).await.into(),
                None => Outcome::Ignored.into(),
            };
        };
        match handler(event) {
            Ok(Bound::InStore(effect)) => {
                let reaction = self.react_in_store(delivery, effect.as_ref());
                reaction.await.into()
            }
            Ok(Bound::Outside(effect)) => self.react_outside(delivery, effect.as_ref()).await,
            Ok(Bound::OfNoConcern) => Outcome::Ignored.into(),
            Err(error) => {
                let Arrival {
                    message, redriven, ..
                } = delivery.arrival;
                let parked = self.park_undecodable(received, message, redriven, &error);
                parked.await.into()
            }
        }
    }

    /// A message that was typed by hand, with a type that no domain here has, is a typing error. A
    /// program's message is a CloudEvent, and may know more types than this build.
    fn unknown(&self, message: &PushedMessage, event: &Event) -> Option<ParkReason> {
        let domains = self.consumer.domains();
        let known = domains
            .iter()
            .any(|domain| domain.find(&event.event_type).is_some());
        let typed = !is_cloud_event(&message.attributes);
        (typed && !known).then(|| ParkReason::unknown_type(domains))
    }

    /// Parks a message of which no event can be made. It goes by its own id: what it says of itself
    /// cannot be trusted.
    async fn park_undecodable(
        &self,
        received: &Received<'_>,
        message: &PushedMessage,
        redriven: bool,
        error: &DecodeError,
    ) -> Outcome {
        let arrival = Arrival {
            message,
            seen: Seen {
                consumer: self.consumer.name,
                event_id: received.fallback_event_id(),
                fingerprint: Fingerprint::of_bytes(&message.data),
                links: Links::default(),
            },
            redriven,
        };
        self.park(&arrival, ParkReason::from(error)).await
    }

    /// Commits the mark, the writes, the events that follow with the right to publish them: all or
    /// nothing. A conflict about the mark is [`LedgerError::Fenced`], about the writes
    /// [`LedgerError::Effect`].
    pub(super) async fn commit_unit(
        &self,
        delivery: &Delivery<'_>,
        mark: Write,
        work: UnitOfWork,
    ) -> Result<Committed, LedgerError> {
        let key = mark.key.clone();
        let events = self.outbox.events_caused_by(
            delivery.event,
            self.consumer.name,
            delivery.trace(),
            &work.emits,
        )?;
        let writes = std::iter::once(mark).chain(work.writes).collect();
        let committed = self.outbox.commit(writes, events).await;
        committed.map_err(|error| LedgerError::of(error, &key))
    }
}
