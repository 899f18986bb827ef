//! A store, a clock that stands still and a bus that does as it is told.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_bus::OutgoingMessage;
use fanout_events::{DecodeError, Domain, EventType, JsonFields, KnownType, Version};
use fanout_outbox::{Draft, EVENTS, OUTBOX_LEASES, Origin, Outbox, RelayReport};
use fanout_runtime::{Clock, Timestamp};
use fanout_store::{Collection, Document, Documents, Fields, Key, Query, Write, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::{
    CommitHook, CountingDocuments, HookedCommit, ManualClock, ScriptedBus, SeededIds,
};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::Mutex;

/// What outboxes run on.
pub(crate) struct Scene {
    pub(crate) documents: Arc<CountingDocuments>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) bus: Arc<ScriptedBus>,
    pub(crate) ids: Arc<SeededIds>,
}

/// Something happened to a thing.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Happened {}

/// Another domain's event.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Shipped {}

static THINGS: Domain = Domain {
    name: "thing",
    topic: "thing-events",
    types: &[KnownType::of::<Happened>()],
};
static PARCELS: Domain = Domain {
    name: "parcel",
    topic: "parcel-events",
    types: &[KnownType::of::<Shipped>()],
};

impl EventType for Happened {
    const TYPE: &'static str = "thing.happened";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/thing-happened/v1";
    const DOMAIN: &'static Domain = &THINGS;

    fn decode(_: &JsonFields<'_>, _: Version) -> Result<Self, DecodeError> {
        Ok(Self {})
    }
}

impl EventType for Shipped {
    const TYPE: &'static str = "parcel.shipped";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/parcel-shipped/v1";
    const DOMAIN: &'static Domain = &PARCELS;

    fn decode(_: &JsonFields<'_>, _: Version) -> Result<Self, DecodeError> {
        Ok(Self {})
    }
}

/// The `sequence`th event of a thing.
pub(crate) fn happened(subject: &str, sequence: u64) -> Draft {
    Draft::of(subject, sequence, &Happened {}).unwrap()
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone())
            .await
            .unwrap();
        Self {
            documents: CountingDocuments::new(Arc::new(documents)),
            clock,
            bus: Arc::default(),
            ids: Arc::new(SeededIds::new(7)),
        }
    }

    /// One instance of the service.
    pub(crate) fn outbox(&self) -> Outbox {
        self.outbox_of("thing-service")
    }

    pub(crate) fn outbox_of(&self, source: &str) -> Outbox {
        self.outbox_with(source, self.documents.clone(), self.clock.clone())
    }

    /// An instance of the service with something between it and the store.
    pub(crate) fn outbox_over(&self, documents: Arc<dyn Documents>) -> Outbox {
        self.outbox_with("thing-service", documents, self.clock.clone())
    }

    pub(crate) fn outbox_with(
        &self,
        source: &str,
        documents: Arc<dyn Documents>,
        clock: Arc<dyn Clock>,
    ) -> Outbox {
        Outbox::new(documents, self.bus.clone(), clock, self.ids.clone(), source)
    }

    /// Another instance of the service, which has another bus: one that is up.
    pub(crate) fn outbox_on(&self, bus: Arc<ScriptedBus>) -> Outbox {
        Outbox::new(
            self.documents.clone(),
            bus,
            self.clock.clone(),
            self.ids.clone(),
            "thing-service",
        )
    }

    /// Everything in a collection.
    pub(crate) async fn all(&self, of: &'static Collection) -> Vec<Document> {
        let all = Query::of(of);
        all_documents(self.documents.as_ref(), all).await.unwrap()
    }

    /// The sequences of the rows that wait, with their subjects.
    pub(crate) async fn waiting(&self) -> Vec<(String, u64)> {
        let rows = self.all(EVENTS).await;
        let waits = |row: &&Document| row.fields.get("waiting").is_some();
        let mut waiting: Vec<_> = rows.iter().filter(waits).map(place).collect();
        waiting.sort();
        waiting
    }

    /// The row of the `sequence`th event of a subject.
    pub(crate) async fn row(&self, subject: &str, sequence: u64) -> Document {
        let rows = self.all(EVENTS).await;
        let found = rows
            .into_iter()
            .find(|row| place(row) == (subject.to_owned(), sequence));
        found.unwrap()
    }

    pub(crate) async fn lease(&self, line: &str) -> Option<Document> {
        let key = Key::new(OUTBOX_LEASES, &format!("thing-service:{line}"));
        self.documents.get(&key).await.unwrap()
    }

    /// Whether another instance is kept from a line.
    pub(crate) async fn is_held(&self, line: &str) -> bool {
        let lease = self.lease(line).await;
        lease.is_some_and(|lease| lease.fields.timestamp("expires_at").unwrap() > self.clock.now())
    }

    pub(crate) async fn assert_nothing_left(&self) {
        assert_eq!(self.waiting().await, []);
        assert_eq!(self.all(OUTBOX_LEASES).await, []);
    }

    /// Changes a document behind everyone's back.
    pub(crate) async fn change(&self, write: Write) {
        self.documents.commit(vec![write]).await.unwrap();
    }

    /// What was published, as subject and sequence.
    pub(crate) fn published(&self) -> Vec<(String, u64)> {
        published_on(&self.bus)
    }

    /// Lets every task run until it waits for something.
    pub(crate) async fn settled(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn published_on(bus: &ScriptedBus) -> Vec<(String, u64)> {
    let event = |(_, message): &(String, OutgoingMessage)| {
        let event: serde_json::Value = serde_json::from_slice(&message.data).unwrap();
        let subject = event["subject"].as_str().unwrap().to_owned();
        (subject, event["sequence"].as_u64().unwrap())
    };
    bus.taken().iter().map(event).collect()
}

fn place(row: &Document) -> (String, u64) {
    let subject = row.fields.text("subject").unwrap().to_owned();
    (subject, row.fields.count("sequence").unwrap())
}

/// Places of one subject.
pub(crate) fn places(subject: &str, sequences: &[u64]) -> Vec<(String, u64)> {
    let place = |sequence: &u64| (subject.to_owned(), *sequence);
    sequences.iter().map(place).collect()
}

/// Fields that nobody reads.
pub(crate) fn note() -> Fields {
    Fields::new().with("note", "here")
}

/// A report of what was published and nothing else.
pub(crate) fn published(rows: u64) -> RelayReport {
    RelayReport {
        published: rows,
        ..RelayReport::default()
    }
}

impl Scene {
    /// Stores events of one request, and lets what follows come as far as it does.
    pub(crate) async fn stored(&self, outbox: &Outbox, events: Vec<Draft>) {
        let origin = Origin::default();
        outbox.store(Vec::new(), events, &origin).await.unwrap();
        self.settled().await;
    }
}

/// What happens before a commit of a certain number.
pub(crate) struct Before<F>(pub(crate) usize, pub(crate) Mutex<Option<F>>);

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
