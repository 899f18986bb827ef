//! A store, a clock that stands still and a bus that does as it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use fanout_bus::{OutgoingMessage, PushedMessage, X_REDRIVE};
use fanout_consume::{Consumer, ConsumerDeps, PushAuth, push_route};
use fanout_dedup::{Links, Mark, Seen};
use fanout_events::Fingerprint;
use fanout_outbox::Outbox;
use fanout_runtime::{Timestamp, Timings};
use fanout_store::{Document, Documents, Key, Write};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::{
    CommitHook, CountingDocuments, HookedCommit, ManualClock, ScriptedBus, SeededIds,
};
use http::Request;
use serde_json::Value;
use tokio::sync::Mutex;
use tower::ServiceExt;

/// The name of every consumer here.
pub(crate) const TESTED: &str = "tested";
const DEAD_LETTERS: &str = "dead-letters";

/// What a consumer runs on.
pub(crate) struct Scene {
    pub(crate) documents: Arc<CountingDocuments>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) bus: Arc<ScriptedBus>,
    pub(crate) ids: Arc<SeededIds>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone()).await;
        Self {
            documents: CountingDocuments::new(Arc::new(documents.unwrap())),
            clock,
            bus: Arc::default(),
            ids: Arc::new(SeededIds::new(7)),
        }
    }

    /// A container of this consumer.
    pub(crate) fn of(&self, consumer: Consumer) -> Router {
        self.over(self.documents.clone(), consumer)
    }

    /// The same, with something between it and the store.
    pub(crate) fn over(&self, documents: Arc<dyn Documents>, consumer: Consumer) -> Router {
        let outbox = Outbox::new(
            Arc::clone(&documents),
            self.bus.clone(),
            self.clock.clone(),
            self.ids.clone(),
            "tested-service",
        );
        let deps = ConsumerDeps {
            documents,
            publisher: self.bus.clone(),
            outbox,
            dead_letter_topic: DEAD_LETTERS.to_owned(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            timings: Timings::PRODUCTION,
            auth: PushAuth::open_for_one_machine(),
        };
        push_route(consumer, deps)
    }

    /// The mark of an event, if there is one.
    pub(crate) async fn mark(&self, event_id: &str) -> Option<Mark> {
        let document = self.read(&seen(event_id).key()).await?;
        Some(Mark::from_fields(&document.fields).unwrap())
    }

    pub(crate) async fn read(&self, key: &Key) -> Option<Document> {
        self.documents.get(key).await.unwrap()
    }

    /// What lies on the dead-letter topic.
    pub(crate) fn letters(&self) -> Vec<OutgoingMessage> {
        self.published_to(DEAD_LETTERS)
    }

    pub(crate) fn published_to(&self, topic: &str) -> Vec<OutgoingMessage> {
        let taken = self.bus.taken().into_iter();
        let of_it = taken.filter(|(where_to, _)| where_to == topic);
        of_it.map(|(_, message)| message).collect()
    }
}

/// The mark of an event of the tested consumer.
pub(crate) fn seen(event_id: &str) -> Seen {
    Seen {
        consumer: TESTED,
        event_id: event_id.to_owned(),
        fingerprint: Fingerprint::of_bytes(b"nothing"),
        links: Links::default(),
    }
}

/// A message with an event.
pub(crate) struct Delivered {
    pub(crate) data: String,
    pub(crate) message_id: &'static str,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) redriven: bool,
}

impl Delivered {
    pub(crate) fn of(event: &Value) -> Self {
        Self {
            data: event.to_string(),
            message_id: "1",
            attributes: BTreeMap::new(),
            redriven: false,
        }
    }

    pub(crate) fn under(self, message_id: &'static str) -> Self {
        Self { message_id, ..self }
    }

    pub(crate) fn redriven(self) -> Self {
        Self {
            redriven: true,
            ..self
        }
    }

    pub(crate) fn with(mut self, attribute: &str, value: &str) -> Self {
        self.attributes
            .insert(attribute.to_owned(), value.to_owned());
        self
    }

    /// Delivers it; gives the outcome.
    pub(crate) async fn to(self, app: &Router) -> String {
        let message = PushedMessage {
            message_id: self.message_id.to_owned(),
            publish_time: Timestamp::UNIX_EPOCH,
            data: self.data.into(),
            attributes: self.attributes,
            ordering_key: String::new(),
            subscription: "projects/test/subscriptions/test".to_owned(),
            delivery_attempt: None,
        };
        let mut request = Request::post("/pubsub/push").header("content-type", "application/json");
        if self.redriven {
            request = request.header(X_REDRIVE, "1");
        }
        let request = request
            .body(Body::from(message.to_json().unwrap()))
            .unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        let outcome = answer.headers()["x-outcome"].to_str().unwrap();
        let status = match outcome {
            "busy" | "deferred" => 429,
            "failed" => 503,
            _ => 204,
        };
        assert_eq!(answer.status(), status, "{outcome}");
        outcome.to_owned()
    }
}

/// Delivers an event under a message id; gives the outcome.
pub(crate) async fn outcome_of(app: &Router, event: &Value) -> String {
    Delivered::of(event).to(app).await
}

/// What happens before a commit of a certain number.
pub(crate) struct Before<F>(pub(crate) usize, pub(crate) Mutex<Option<F>>);

impl<F> Before<F> {
    pub(crate) fn commit(number: usize, happens: F) -> Self {
        Self(number, Mutex::new(Some(happens)))
    }
}

#[async_trait]
impl<F: Future<Output = HookedCommit> + Send + 'static> CommitHook for Before<F> {
    async fn before(&self, number: usize, _: &[Write]) -> HookedCommit {
        if number != self.0 {
            return HookedCommit::Made;
        }
        match self.1.lock().await.take() {
            Some(happens) => happens.await,
            None => HookedCommit::Made,
        }
    }
}
