//! What the tests of one consumer have in common: its store, its time, its events.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_consume::{ConsumerDeps, PushAuth};
use fanout_dedup::{Links, Mark, Seen};
use fanout_events::Fingerprint;
use fanout_outbox::Outbox;
use fanout_runtime::{Clock, IdGenerator, SystemIds, Timestamp, Timings};
use fanout_store::Documents;
use serde_json::Value;

use super::{Answer, ConsumerUnderTest, deliver};
use crate::documents_conformance::Subject;
use crate::{CountingDocuments, ManualClock};

/// A consumer over one store.
pub(super) struct Scene<C> {
    pub(super) consumer: C,
    pub(super) documents: Arc<CountingDocuments>,
    pub(super) clock: Arc<ManualClock>,
    store: Subject,
}

const DEAD_LETTERS: &str = "dead-letters";

/// Takes every event to nowhere, and no dead letter: these tests deliver nothing that could be
/// parked.
struct LoneBus;

#[async_trait]
impl Publisher for LoneBus {
    async fn publish(&self, topic: &str, _: OutgoingMessage) -> Result<MessageId, PublishError> {
        if topic == DEAD_LETTERS {
            return Err(PublishError::Refused("nothing is to be parked here".into()));
        }
        Ok(MessageId(SystemIds.new_id("m")))
    }
}

/// What a consumer needs that is tested by itself, over these documents. It cannot park.
pub fn lone_consumer(documents: Arc<dyn Documents>, clock: Arc<dyn Clock>) -> ConsumerDeps {
    let publisher = Arc::new(LoneBus);
    let ids = Arc::new(SystemIds);
    let outbox = Outbox::new(
        Arc::clone(&documents),
        publisher.clone(),
        Arc::clone(&clock),
        ids.clone(),
        "lone-service",
    );
    ConsumerDeps {
        documents,
        publisher,
        outbox,
        dead_letter_topic: DEAD_LETTERS.to_owned(),
        clock,
        ids,
        timings: Timings::PRODUCTION,
        auth: PushAuth::open_for_one_machine(),
    }
}

impl<C: ConsumerUnderTest> Scene<C> {
    pub(super) fn new(consumer: C, store: impl Into<Subject>) -> Self {
        let store = store.into();
        let start = Timestamp::UNIX_EPOCH + Timings::PRODUCTION.mark_lifetime;
        Self {
            consumer,
            documents: CountingDocuments::new(Arc::clone(&store.documents)),
            clock: Arc::new(ManualClock::new(start)),
            store,
        }
    }

    /// Counts from 0 again.
    pub(super) fn recounted(mut self) -> Self {
        self.documents = CountingDocuments::new(Arc::clone(&self.store.documents));
        self
    }

    /// One more container of the consumer.
    pub(super) fn container(&self) -> Router {
        self.container_over(self.documents.clone())
    }

    /// One more container, with something between it and the store.
    pub(super) fn container_over(&self, documents: Arc<dyn Documents>) -> Router {
        self.consumer
            .app(lone_consumer(documents, self.clock.clone()))
    }

    /// Delivers to a new container, and lets that finish what it does once it has answered.
    pub(super) async fn deliver_whole(&self, event: &Value) -> Answer {
        let deps = lone_consumer(self.documents.clone(), self.clock.clone());
        let outbox = deps.outbox.clone();
        let answer = self.deliver(&self.consumer.app(deps), event).await;
        outbox.drain().await;
        answer
    }

    /// An event that nobody has seen.
    pub(super) fn event(&self) -> Value {
        let mut event = self.consumer.event(&SystemIds.new_id("usr"));
        event["id"] = SystemIds.new_id("evt").into();
        event
    }

    pub(super) async fn deliver(&self, container: &Router, event: &Value) -> Answer {
        deliver(container, event.to_string()).await
    }

    pub(super) async fn effects(&self) -> usize {
        self.consumer.effects(&self.documents).await
    }

    /// The event's mark, which must exist.
    pub(super) async fn mark(&self, event: &Value) -> Mark {
        let seen = Seen {
            consumer: self.consumer.name(),
            event_id: event["id"].as_str().expect("an id").to_owned(),
            fingerprint: Fingerprint::of_bytes(b""),
            links: Links::default(),
        };
        let document = self.store.documents.get(&seen.key()).await;
        let document = document.expect("the mark can be read");
        let fields = document.expect("there is a mark").fields;
        Mark::from_fields(&fields).expect("the mark is readable")
    }
}
