//! One consumer alone, over a real store and broker, without a network.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanout_bus::{Backoff, Publisher, Retention, Subscription, Topology};
use fanout_bus_local::{Broker, PulledMessage};
use fanout_consume::PushAuth;
use fanout_contracts::user::UserCreated;
use fanout_events::EventType as _;
use fanout_kernel::{Kernel, Place, ServiceSpec};
use fanout_outbox::Outbox;
use fanout_processes::{Engine, Processes};
use fanout_projections::{Freshness, Projections};
use fanout_runtime::{Settings, SystemClock, SystemIds, Timings};
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::CountingDocuments;
use fanout_web::Service;
use serde_json::json;
use system::SERVICES;
use tempfile::TempDir;

/// A consumer with a store and a dead-letter topic of its own.
pub(crate) struct LoneConsumer {
    /// Its name.
    pub name: &'static str,
    /// Its routes.
    pub app: Router,
    /// What it keeps.
    pub documents: Arc<CountingDocuments>,
    broker: Broker,
    dead_letters: String,
    _data: TempDir,
}

impl LoneConsumer {
    /// The CRM service.
    pub(crate) async fn crm() -> Self {
        Self::of(&crm_service::SERVICE).await
    }

    /// Every consumer that reacts to a sign-up.
    pub(crate) async fn each() -> Vec<Self> {
        let mut each = Vec::new();
        for spec in SERVICES {
            let mut types = spec.subscriber.iter().flat_map(|it| it.types());
            if types.any(|name| name == UserCreated::TYPE) {
                each.push(Self::of(spec).await);
            }
        }
        each
    }

    /// Every consumer that handles this type.
    pub(crate) async fn each_of(event_type: &str) -> Vec<Self> {
        let mut each = Vec::new();
        for spec in SERVICES {
            let types = spec.subscriber.iter().flat_map(|it| it.types());
            if types.into_iter().any(|name| name == event_type) {
                each.push(Self::of(spec).await);
            }
        }
        each
    }

    /// The consumer of this service.
    pub(crate) async fn of(spec: &ServiceSpec) -> Self {
        let data = tempfile::tempdir().unwrap();
        let database = Database::open(&data.path().join("db")).unwrap();
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        let documents = SqliteDocuments::open(database.clone(), clock.clone());
        let documents = CountingDocuments::new(Arc::new(documents.await.unwrap()));
        let broker = Broker::open(database, clock, ids, "test".to_owned());
        let broker = broker.await.unwrap();
        let subscriber = spec.subscriber.as_ref().unwrap();
        broker
            .set_up(&pulled(&subscriber.dead_letters()))
            .await
            .unwrap();
        let mail_folder = data.path().join("mail");
        std::fs::create_dir(&mail_folder).unwrap();
        let place = Place::OneMachine {
            folder: data.path().to_owned(),
        };
        let nothing = HashMap::new();
        let role = (spec.build)(&mut Settings::new(&nothing), &place).unwrap();
        let kernel = kernel(documents.clone(), Arc::new(broker.publisher()));
        Self {
            name: subscriber.consumer,
            app: spec.start(role, kernel).unwrap().into_routes(),
            documents,
            broker,
            dead_letters: subscriber.dead_letters(),
            _data: data,
        }
    }

    /// Takes what lies on the dead-letter topic.
    pub(crate) async fn dead_letters(&self) -> Vec<PulledMessage> {
        let letters = self.broker.pull(&self.dead_letters, 100).await.unwrap();
        let acks: Vec<String> = letters.iter().map(|letter| letter.ack_id.clone()).collect();
        self.broker
            .acknowledge(&self.dead_letters, &acks)
            .await
            .unwrap();
        letters
    }
}

/// What a service needs, on these documents and this bus.
pub(crate) fn kernel(documents: Arc<dyn Documents>, publisher: Arc<dyn Publisher>) -> Kernel {
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let outbox = Outbox::new(
        Arc::clone(&documents),
        Arc::clone(&publisher),
        clock,
        ids,
        "test-service",
    );
    Kernel {
        documents,
        publisher,
        outbox,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        timings: Timings::PRODUCTION,
        processes: Processes::default(),
        projections: Projections::of(Vec::new(), Freshness::EachTime),
        push_auth: Some(PushAuth::open_for_one_machine()),
    }
}

/// A ticker of no processes, with this outbox.
pub(crate) fn ticker_of(outbox: Outbox, documents: Arc<dyn Documents>) -> axum::Router {
    let none = Processes::default();
    let engine = Engine::new(none, documents, outbox.clone(), Arc::new(SystemClock));
    Service::new(ticker::app(outbox, engine)).into_routes()
}

/// A topic with a subscription of the same name.
fn pulled(name: &str) -> Topology {
    Topology {
        topics: vec![name.to_owned()],
        subscriptions: vec![Subscription {
            name: name.to_owned(),
            topic: name.to_owned(),
            push_endpoint: None,
            wrapping: Default::default(),
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
