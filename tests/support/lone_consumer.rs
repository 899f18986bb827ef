//! One consumer alone, over a real store and broker, without a network.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanout::consumers::{CONSUMERS, ConsumerEntry, OneMachine};
use fanout::mail_route::MailRoute;
use fanout_bus::{Backoff, Publisher, Retention, Subscription, Topology};
use fanout_bus_local::{Broker, PulledMessage};
use fanout_consume::{ConsumerDeps, PushAuth};
use fanout_outbox::Outbox;
use fanout_runtime::{SystemClock, SystemIds, Timings};
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::CountingDocuments;
use serde_json::json;
use tempfile::TempDir;

const DEAD_LETTERS: &str = "user-events-lone-dead-letters";

/// A consumer with a store and a dead-letter topic of its own.
pub(crate) struct LoneConsumer {
    /// Its name.
    pub name: &'static str,
    /// Its routes.
    pub app: Router,
    /// What it keeps.
    pub documents: Arc<CountingDocuments>,
    broker: Broker,
    _data: TempDir,
}

impl LoneConsumer {
    /// The CRM service.
    pub(crate) async fn crm() -> Self {
        let crm = CONSUMERS.iter().find(|it| it.name == crm_service::NAME);
        Self::of(crm.unwrap()).await
    }

    /// Every consumer of the system.
    pub(crate) async fn each() -> Vec<Self> {
        let mut each = Vec::new();
        for entry in CONSUMERS {
            each.push(Self::of(entry).await);
        }
        each
    }

    async fn of(entry: &ConsumerEntry) -> Self {
        let data = tempfile::tempdir().unwrap();
        let database = Database::open(&data.path().join("db")).unwrap();
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        let documents = SqliteDocuments::open(database.clone(), clock.clone());
        let documents = CountingDocuments::new(Arc::new(documents.await.unwrap()));
        let broker = Broker::open(database, clock, ids, "test".to_owned());
        let broker = broker.await.unwrap();
        broker.set_up(&dead_letter_topology()).await.unwrap();
        let mail_folder = data.path().join("mail");
        std::fs::create_dir(&mail_folder).unwrap();
        let machine = OneMachine {
            mail: MailRoute::from_environment(&HashMap::new()).unwrap(),
            mail_folder,
        };
        let deps = consumer_deps(documents.clone(), Arc::new(broker.publisher()));
        Self {
            name: entry.name,
            app: (entry.app)(deps, &machine).unwrap(),
            documents,
            broker,
            _data: data,
        }
    }

    /// Takes what lies on the dead-letter topic.
    pub(crate) async fn dead_letters(&self) -> Vec<PulledMessage> {
        let letters = self.broker.pull(DEAD_LETTERS, 100).await.unwrap();
        let acks: Vec<String> = letters.iter().map(|letter| letter.ack_id.clone()).collect();
        self.broker.acknowledge(DEAD_LETTERS, &acks).await.unwrap();
        letters
    }
}

/// What a consumer needs, on these documents and this bus.
pub(crate) fn consumer_deps(
    documents: Arc<dyn Documents>,
    publisher: Arc<dyn Publisher>,
) -> ConsumerDeps {
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let outbox = Outbox::new(
        Arc::clone(&documents),
        Arc::clone(&publisher),
        clock,
        ids,
        "test-service",
    );
    ConsumerDeps {
        documents,
        publisher,
        outbox,
        dead_letter_topic: DEAD_LETTERS.to_owned(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        timings: Timings::PRODUCTION,
        auth: PushAuth::open_for_one_machine(),
        project: "test".to_owned(),
    }
}

fn dead_letter_topology() -> Topology {
    Topology {
        topics: vec![DEAD_LETTERS.to_owned()],
        subscriptions: vec![Subscription {
            name: DEAD_LETTERS.to_owned(),
            topic: DEAD_LETTERS.to_owned(),
            push_endpoint: None,
            ack_deadline: Duration::from_secs(60),
            backoff: Backoff {
                min: Duration::from_secs(1),
                max: Duration::from_secs(1),
            },
            dead_letters: None,
            ordered: false,
            filter: None,
            retention: Retention::of_unacked(Timings::PRODUCTION.dead_letter_retention),
        }],
    }
}

/// A push body around this data.
pub(crate) fn envelope_around(data: &[u8], message_id: usize) -> Vec<u8> {
    let message = json!({
        "data": STANDARD.encode(data),
        "messageId": message_id.to_string(),
        "publishTime": "2026-11-20T12:00:00Z",
    });
    let subscription = "projects/test/subscriptions/user-events-crm";
    let body = json!({"message": message, "subscription": subscription});
    body.to_string().into_bytes()
}
