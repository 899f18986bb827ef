//! A store and a clock that stands still.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_dedup::{Claim, Ledger, LedgerError, Links, Mark, MarkState, Seen, Standing};
use fanout_events::Fingerprint;
use fanout_runtime::{Clock, Timestamp, Timings};
use fanout_store::{Documents, Write};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::{CommitHook, CountingDocuments, HookedCommit, ManualClock, SeededIds};
use tokio::sync::Mutex;

pub(crate) struct Scene {
    pub(crate) documents: Arc<CountingDocuments>,
    pub(crate) clock: Arc<ManualClock>,
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
            ids: Arc::new(SeededIds::new(7)),
        }
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.over(self.documents.clone())
    }

    /// With something between it and the store.
    pub(crate) fn over(&self, documents: Arc<dyn Documents>) -> Ledger {
        let (clock, ids) = (self.clock.clone(), self.ids.clone());
        Ledger::new(documents, clock, ids, Timings::PRODUCTION)
    }

    pub(crate) async fn mark(&self, seen: &Seen) -> Option<Mark> {
        let document = self.documents.get(&seen.key()).await.unwrap()?;
        Some(Mark::from_fields(&document.fields).unwrap())
    }

    pub(crate) async fn commit(&self, write: Write) -> Result<(), LedgerError> {
        let key = write.key.clone();
        let committed = self.documents.commit(vec![write]).await;
        committed
            .map(drop)
            .map_err(|error| LedgerError::of(error, &key))
    }

    /// A mark that another instance left in this state, as old as the clock says.
    pub(crate) fn left(&self, state: MarkState) -> Mark {
        let now = self.clock.now();
        let seen = seen("evt_1");
        Mark {
            consumer: seen.consumer.to_owned(),
            event_id: seen.event_id,
            state,
            outcome: None,
            detail: None,
            parked_message: None,
            attempt: 3,
            owner: None,
            lease_expires_at: None,
            fingerprint: seen.fingerprint.as_str().to_owned(),
            links: Links::default(),
            may_have_repeated: false,
            unanswered: 0,
            finished_at: None,
            expires_at: now + Timings::PRODUCTION.mark_lifetime,
        }
    }
}

pub(crate) fn seen(event_id: &str) -> Seen {
    Seen {
        consumer: "tested",
        event_id: event_id.to_owned(),
        fingerprint: Fingerprint::of_bytes(b"nothing"),
        links: Links::default(),
    }
}

pub(crate) async fn granted(ledger: &Ledger) -> Box<Claim> {
    match ledger.claim(&seen("evt_1"), &[]).await.unwrap() {
        Standing::Open(claim) => claim,
        other @ (Standing::Done | Standing::Held { .. } | Standing::Reused) => {
            panic!("not granted: {other:?}")
        }
    }
}

/// What happens before a commit of a certain number.
pub(crate) struct Before<F>(usize, Mutex<Option<F>>);

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
