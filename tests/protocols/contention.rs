//! ABORTED: others hold the same documents, nothing was written, try again after a pause. The
//! pipeline does so five times; after that the delivery is not acked and comes again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use fanout_google_cloud::GoogleCloudSettings;
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError, Write,
};
use fanout_testkit::CountingDocuments;
use reqwest::Client;
use serde_json::{Value, json};

use super::delivered::outcome_of;
use super::mailbox::Mailbox;
use super::scene::{Scene, created};
use crate::support::{emulators, eventually};

/// Answers so many commits as a store does whose documents others hold.
struct Contended {
    inner: Arc<dyn Documents>,
    left: AtomicU32,
}

impl Contended {
    fn new(scene: &Scene, commits: u32) -> Arc<Self> {
        Arc::new(Self {
            inner: scene.documents.clone(),
            left: AtomicU32::new(commits),
        })
    }
}

#[async_trait]
impl Documents for Contended {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        let one_less = |left: u32| left.checked_sub(1);
        match self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
        {
            Ok(_) => Err(CommitError::Contention("others hold it".into())),
            Err(_) => self.inner.commit(writes).await,
        }
    }
}

#[tokio::test]
async fn contention_that_passes_is_waited_out() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let analytics = analytics_service::app(
        scene.deps_over(Contended::new(&scene, 5)),
        Default::default(),
    );
    let email = scene.email_over(Contended::new(&scene, 5), mailbox.clone());
    let event = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&analytics, &event).await, "done");
    assert_eq!(outcome_of(&email, &event).await, "done");
    assert_eq!(scene.documents.writes_to(analytics_service::SIGNUPS), 1);
    assert_eq!(mailbox.sent().len(), 1);
}

#[tokio::test]
async fn contention_that_lasts_is_not_acked_and_nothing_has_happened() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let analytics = analytics_service::app(
        scene.deps_over(Contended::new(&scene, 6)),
        Default::default(),
    );
    let email = scene.email_over(Contended::new(&scene, 6), mailbox.clone());
    let event = created("evt_1", "usr_1");
    for app in [&analytics, &email] {
        assert_eq!(outcome_of(app, &event).await, "failed");
    }
    assert!(scene.marks().await.is_empty());
    assert!(mailbox.sent().is_empty());
    for app in [&analytics, &email] {
        assert_eq!(outcome_of(app, &event).await, "done");
    }
    assert_eq!(mailbox.sent().len(), 1);
}

/// The emulator's own way to ABORTED, and its fault: what an interactive transaction has read stays
/// locked until its end, and a plain commit on it is answered ABORTED after 2 s. (Crowds of plain
/// commits alone it answers without.) The service aborts for contention as well, only sooner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
async fn a_document_that_a_transaction_holds_on_the_emulator_is_waited_for() {
    let emulators = emulators().await;
    let day = Key::new(analytics_service::SIGNUPS, "0_2026-11-20");
    let store = emulators.documents().await.unwrap();
    let documents = CountingDocuments::new(Arc::new(store));
    let scene = Scene::new().await;
    let analytics = analytics_service::app(
        scene.deps_over(documents.clone()),
        // So that both events are counted in the same document.
        analytics_service::Shards::parse("1").unwrap(),
    );
    let first = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&analytics, &first).await, "done");
    documents.take_calls();

    let transaction = {
        let GoogleCloudSettings {
            project,
            emulators: hosts,
            ..
        } = &emulators;
        Transaction::that_reads(&day, &hosts.as_ref().unwrap().firestore, project).await
    };
    let event = created("evt_2", "usr_2");
    let delivery = tokio::spawn(async move { outcome_of(&analytics, &event).await });
    eventually("an ABORTED commit and the next one", || async {
        (documents.calls().commits >= 2).then_some(())
    })
    .await;
    transaction.roll_back().await;
    assert_eq!(delivery.await.unwrap(), "done");
    let counted = documents.get(&day).await.unwrap().unwrap();
    assert_eq!(counted.fields.integer("count"), Ok(2));
}

/// An interactive transaction of somebody else, over REST.
struct Transaction {
    client: Client,
    documents: String,
    id: Value,
}

impl Transaction {
    async fn that_reads(key: &Key, host: &str, project: &str) -> Self {
        let path = format!("projects/{project}/databases/(default)/documents");
        let mut transaction = Self {
            client: Client::new(),
            documents: format!("http://{host}/v1/{path}"),
            id: Value::Null,
        };
        let begun = transaction.post("beginTransaction", json!({})).await;
        transaction.id = begun["transaction"].clone();
        let read = json!({"documents": [format!("{path}/{key}")], "transaction": transaction.id});
        let read = transaction.post("batchGet", read).await;
        assert!(read[0]["found"].is_object(), "{read}");
        transaction
    }

    async fn roll_back(&self) {
        let which = json!({"transaction": self.id});
        self.post("rollback", which).await;
    }

    async fn post(&self, method: &str, body: Value) -> Value {
        let request = self.client.post(format!("{}:{method}", self.documents));
        let answer = request.json(&body).send().await.unwrap();
        assert!(
            answer.status().is_success(),
            "{method}: {}",
            answer.status()
        );
        answer.json().await.unwrap()
    }
}
