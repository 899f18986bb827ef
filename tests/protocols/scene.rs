//! A store whose calls are counted, a clock that stands still, a dead-letter topic that can fail.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use email_service::EmailServiceDeps;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_consume::{Consumer, ConsumerDeps, PushAuth, push_route};
use fanout_dedup::{Ledger, Links, Mark, PROCESSED_EVENTS, Seen};
use fanout_events::Fingerprint;
use fanout_mail::{Letterhead, Mailer, Sender};
use fanout_outbox::Outbox;
use fanout_runtime::{SystemIds, Timestamp, Timings};
use fanout_store::{Documents, Query, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
pub(super) use fanout_testkit::user_events::{created, deleted, updated};
use fanout_testkit::{CountingDocuments, ManualClock};
use tempfile::TempDir;

/// What a consumer runs on.
pub(super) struct Scene {
    pub(super) documents: Arc<CountingDocuments>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) dead_letters: Arc<DeadLetters>,
    timings: Timings,
    _data: TempDir,
}

/// The dead-letter topic.
#[derive(Default)]
pub(super) struct DeadLetters {
    letters: Mutex<Vec<OutgoingMessage>>,
    down: Mutex<bool>,
}

impl DeadLetters {
    /// What was published here since this was asked the last time.
    pub(super) fn take(&self) -> Vec<OutgoingMessage> {
        std::mem::take(&mut self.letters.lock().unwrap())
    }

    /// From now on nothing can be published, or everything again.
    pub(super) fn is_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }
}

#[async_trait]
impl Publisher for DeadLetters {
    async fn publish(&self, _: &str, message: OutgoingMessage) -> Result<MessageId, PublishError> {
        if *self.down.lock().unwrap() {
            return Err(PublishError::Unavailable("the topic is down".into()));
        }
        self.letters.lock().unwrap().push(message);
        Ok(MessageId("1".to_owned()))
    }
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::with_timings(Timings::PRODUCTION).await
    }

    pub(super) async fn with_timings(timings: Timings) -> Self {
        let data = tempfile::tempdir().unwrap();
        let database = Database::open(&data.path().join("db")).unwrap();
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let documents = SqliteDocuments::open(database, clock.clone()).await;
        Self {
            documents: CountingDocuments::new(Arc::new(documents.unwrap())),
            clock,
            dead_letters: Arc::default(),
            timings,
            _data: data,
        }
    }

    pub(super) fn deps(&self) -> ConsumerDeps {
        self.deps_over(self.documents.clone())
    }

    /// The same, with something between the consumer and the store.
    pub(super) fn deps_over(&self, documents: Arc<dyn Documents>) -> ConsumerDeps {
        let outbox = Outbox::new(
            Arc::clone(&documents),
            self.dead_letters.clone(),
            self.clock.clone(),
            Arc::new(SystemIds),
            "test-service",
        );
        ConsumerDeps {
            documents,
            publisher: self.dead_letters.clone(),
            outbox,
            dead_letter_topic: "dead-letters".to_owned(),
            clock: self.clock.clone(),
            ids: Arc::new(SystemIds),
            timings: self.timings,
            auth: PushAuth::open_for_one_machine(),
        }
    }

    /// A container of the email service.
    pub(super) fn email(&self, mailer: Arc<impl Mailer>) -> Router {
        self.email_over(self.documents.clone(), mailer)
    }

    /// The same, with something between the service and the store.
    pub(super) fn email_over(
        &self,
        documents: Arc<dyn Documents>,
        mailer: Arc<impl Mailer>,
    ) -> Router {
        email_service::app(EmailServiceDeps {
            consumer: self.deps_over(documents),
            mailer,
            letterhead: Letterhead::of(Sender::parse("Fanout <hello@example.com>").unwrap()),
        })
    }

    /// A container of the analytics service.
    pub(super) fn analytics(&self) -> Router {
        analytics_service::app(self.deps(), Default::default())
    }

    /// A container of the CRM service.
    pub(super) fn crm(&self) -> Router {
        crm_service::app(self.deps())
    }

    /// A container of a consumer that only a test knows.
    pub(super) fn of(&self, consumer: Consumer) -> Router {
        push_route(consumer, self.deps())
    }

    /// The marks as a process of its own sees them.
    pub(super) fn ledger(&self) -> Ledger {
        Ledger::new(
            self.documents.clone(),
            self.clock.clone(),
            Arc::new(SystemIds),
            self.timings,
        )
    }

    /// The mark of an event, if there is one.
    pub(super) async fn mark(&self, consumer: &'static str, event_id: &str) -> Option<Mark> {
        let key = seen(consumer, event_id).key();
        let document = self.documents.get(&key).await.unwrap()?;
        Some(Mark::from_fields(&document.fields).unwrap())
    }

    /// All marks.
    pub(super) async fn marks(&self) -> Vec<Mark> {
        let all = Query::of(PROCESSED_EVENTS);
        let found = all_documents(self.documents.as_ref(), all).await.unwrap();
        let mark = |document: &fanout_store::Document| Mark::from_fields(&document.fields).unwrap();
        found.iter().map(mark).collect()
    }
}

/// An event that says nothing, for marks that are looked at by themselves.
pub(super) fn seen(consumer: &'static str, event_id: &str) -> Seen {
    Seen {
        consumer,
        event_id: event_id.to_owned(),
        fingerprint: Fingerprint::of_bytes(b"nothing"),
        links: Links::default(),
    }
}
