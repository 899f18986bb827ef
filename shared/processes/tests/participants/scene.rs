//! A store, a clock that stands still, and a bus that shows what was answered.

use std::sync::Arc;
use std::time::Duration;

use fanout_bus::PushedMessage;
use fanout_consume::{Consumer, ConsumerDeps, Pipeline, PushAuth};
use fanout_contracts::{Currency, Money, ProductLine};
use fanout_events::{Envelope, EventType, StepRef};
use fanout_outbox::Outbox;
use fanout_processes::STEP_FENCES;
use fanout_runtime::{Clock as _, Timestamp, Timings};
use fanout_store::{Document, Documents, Query, Write, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::{ManualClock, ScriptedBus, SeededIds};
use serde_json::Value;

pub(crate) const TESTED: &str = "tested";

/// Longer than anything is kept that expires.
pub(crate) const YEARS: Duration = Duration::from_secs(3 * 365 * 24 * 60 * 60);

pub(crate) struct Scene {
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) bus: Arc<ScriptedBus>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone()).await;
        Self {
            documents: Arc::new(documents.unwrap()),
            clock,
            bus: Arc::default(),
        }
    }

    /// So much time passes, and the fences that expire by then are deleted, as a store does.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        let Some(field) = STEP_FENCES.expires_by else {
            return;
        };
        let fences = all_documents(self.documents.as_ref(), Query::of(STEP_FENCES)).await;
        let has_expired =
            |fence: &Document| fence.fields.timestamp(field).unwrap() <= self.clock.now();
        let expired = fences.unwrap().into_iter().filter(has_expired);
        let deletes = expired.map(|fence| Write::delete(fence.key)).collect();
        self.documents.commit(deletes).await.unwrap();
    }

    pub(crate) fn deps(&self) -> ConsumerDeps {
        let ids = Arc::new(SeededIds::new(7));
        ConsumerDeps {
            documents: self.documents.clone(),
            publisher: self.bus.clone(),
            outbox: Outbox::new(
                self.documents.clone(),
                self.bus.clone(),
                self.clock.clone(),
                ids.clone(),
                "tested-service",
            ),
            dead_letter_topic: "dead-letters".to_owned(),
            clock: self.clock.clone(),
            ids,
            timings: Timings::PRODUCTION,
            auth: PushAuth::open_for_one_machine(),
        }
    }

    pub(crate) fn of(&self, consumer: Consumer) -> Pipeline {
        Pipeline::new(consumer, &self.deps())
    }

    /// Everything that was answered: type, reason if there is one, subject, sequence.
    pub(crate) fn answers(&self) -> Vec<(String, Option<String>, String, u64)> {
        let read = |data: &[u8]| {
            let event: Value = serde_json::from_slice(data).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let reason = event["data"].get("reason").map(text);
            let sequence = event["sequence"].as_u64().unwrap();
            (
                text(&event["type"]),
                reason,
                text(&event["subject"]),
                sequence,
            )
        };
        let taken = self.bus.taken().into_iter();
        taken.map(|(_, message)| read(&message.data)).collect()
    }

    /// The types and reasons of what was answered.
    pub(crate) fn said(&self) -> Vec<String> {
        let answers = self.answers().into_iter();
        let shown = answers.map(|(name, reason, ..)| match reason {
            Some(reason) => format!("{name} {reason}"),
            None => name,
        });
        shown.collect()
    }
}

/// A step of the process, asked for the `attempt`th time.
pub(crate) fn step(name: &str, attempt: u64) -> StepRef {
    StepRef {
        process: "order".to_owned(),
        key: "ord_1".to_owned(),
        name: name.to_owned(),
        attempt,
    }
}

pub(crate) fn lines() -> Vec<ProductLine> {
    vec![ProductLine {
        product_id: "1".to_owned(),
        quantity: 2,
    }]
}

pub(crate) fn two_dollars() -> Money {
    Money::of_minor(200, Currency::USD).unwrap()
}

/// Delivers an event under this id; gives the outcome.
pub(crate) async fn deliver<T: EventType>(to: &Pipeline, id: &str, data: T) -> &'static str {
    let event = Envelope {
        id: id.to_owned(),
        event_type: T::TYPE.to_owned(),
        source: "order-service".to_owned(),
        subject: data.repeats_subject().map_or("sag_1", |it| it.1).to_owned(),
        sequence: 1,
        timestamp: Timestamp::UNIX_EPOCH,
        correlation_id: None,
        causation_id: None,
        metadata: T::metadata(),
        data,
    };
    let message = PushedMessage {
        message_id: id.to_owned(),
        publish_time: Timestamp::UNIX_EPOCH,
        data: event.to_json().unwrap().into(),
        attributes: Default::default(),
        ordering_key: String::new(),
        subscription: "projects/test/subscriptions/test".to_owned(),
        delivery_attempt: None,
    };
    to.deliver(&message).await.name()
}
