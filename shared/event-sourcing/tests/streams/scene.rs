//! A store, a clock that is moved by hand and a bus that keeps what it is given.

use std::sync::Arc;

use fanout_event_sourcing::{ExecuteError, Ledger, Loaded, Report, verify};
use fanout_outbox::{EVENTS, EventRow, Origin, Outbox};
use fanout_runtime::Timestamp;
use fanout_store::{Documents, Query, Write, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::{ManualClock, ScriptedBus, SeededIds};

use crate::jar::{Command, Jar, NotSoMuch};

pub(crate) struct Scene {
    pub(crate) documents: Arc<SqliteDocuments>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) bus: Arc<ScriptedBus>,
    ids: Arc<SeededIds>,
    outbox: Outbox,
    pub(crate) ledger: Ledger,
}

pub(crate) fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(at("2026-11-20T12:00:00Z")));
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone()).await;
        let documents = Arc::new(documents.unwrap());
        let (bus, ids) = (Arc::<ScriptedBus>::default(), Arc::new(SeededIds::new(7)));
        let (ledger, outbox) = ledger(documents.clone(), &clock, &bus, &ids);
        Self {
            outbox,
            documents,
            clock,
            bus,
            ids,
            ledger,
        }
    }

    /// A scene with jars in which there is so much.
    pub(crate) async fn with(jars: &[(&str, i64)]) -> Self {
        let scene = Self::new().await;
        for (jar, level) in jars {
            scene.change(jar, Command::Make).await.unwrap();
            scene.change(jar, Command::Change(*level)).await.unwrap();
        }
        scene
    }

    /// Another instance of the service, with something between it and the store.
    pub(crate) fn ledger_over(&self, documents: Arc<dyn Documents>) -> Ledger {
        self.instance_over(documents).0
    }

    /// The same with its outbox.
    pub(crate) fn instance_over(&self, documents: Arc<dyn Documents>) -> (Ledger, Outbox) {
        ledger(documents, &self.clock, &self.bus, &self.ids)
    }

    /// Waits until nothing is left to be published or tidied up.
    pub(crate) async fn drained(&self) {
        self.outbox.drain().await;
    }

    pub(crate) async fn change(
        &self,
        jar: &str,
        command: Command,
    ) -> Result<Loaded<Jar>, ExecuteError<NotSoMuch>> {
        change(&self.ledger, jar, command).await
    }

    pub(crate) async fn level(&self, jar: &str) -> i64 {
        self.ledger.load::<Jar>(jar).await.unwrap().state.level
    }

    /// All rows, by id: of one stream after the other, in their order.
    pub(crate) async fn rows(&self) -> Vec<EventRow> {
        let all = all_documents(self.documents.as_ref(), Query::of(EVENTS)).await;
        let rows = all.unwrap();
        rows.iter()
            .map(|row| EventRow::from_document(row).unwrap())
            .collect()
    }

    pub(crate) async fn verified(&self) -> Report {
        verify::<Jar>(self.documents.as_ref(), None).await.unwrap()
    }

    /// What is wrong, as it is said.
    pub(crate) async fn faults(&self) -> Vec<String> {
        let faults = self.verified().await.faults;
        faults.iter().map(ToString::to_string).collect()
    }

    /// Changes the store behind everyone's back.
    pub(crate) async fn tamper(&self, write: Write) {
        self.documents.commit(vec![write]).await.unwrap();
    }
}

pub(crate) async fn change(
    ledger: &Ledger,
    jar: &str,
    command: Command,
) -> Result<Loaded<Jar>, ExecuteError<NotSoMuch>> {
    ledger.execute(jar, &command, &Origin::default()).await
}

fn ledger(
    documents: Arc<dyn Documents>,
    clock: &Arc<ManualClock>,
    bus: &Arc<ScriptedBus>,
    ids: &Arc<SeededIds>,
) -> (Ledger, Outbox) {
    let outbox = Outbox::new(
        documents.clone(),
        bus.clone(),
        clock.clone(),
        ids.clone(),
        "jar-service",
    );
    let ledger = Ledger::new(documents, outbox.clone(), clock.clone(), ids.clone());
    (ledger, outbox)
}
