//! A page over a store and a bus in memory, with a clock that stands still.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::post;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher, PushedMessage, parked_copy};
use fanout_bus_local::{Broker, rest};
use fanout_contracts::user::UserCreated;
use fanout_events::{EmailAddress, EventsOf, PersonName};
use fanout_outbox::{Draft, Origin, Outbox, find_events};
use fanout_processes::{
    Engine, Failed, Instance, Pace, Status, StepRecord, StepStatus, StoredProcess,
};
use fanout_projections::{Freshness, Rebuilds};
use fanout_runtime::{Shutdown, Timestamp};
use fanout_store::{Documents, Write};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::{ManualClock, ScriptedBus, SeededIds};
use fanout_web::{Service, serve};
use http::StatusCode;
use serde_json::{Map, json};
use system::Redelivery;
use tokio::net::TcpListener;

use super::super::actions::Deed;
use super::super::hub::{Delivery, LogLine, Publication};
use super::super::switches::Fault;
use super::super::{Page, Parts, routes};
use crate::cli::SystemsFlags;
use crate::operator::Operator;
use crate::target::TargetFlags;
use crate::up::Urls;

/// 2026-11-20T12:00:00Z
const START: i64 = 1_795_176_000_000;
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A bus that takes everything and delivers nothing.
struct Taking;

#[async_trait]
impl Publisher for Taking {
    async fn publish(&self, _: &str, _: OutgoingMessage) -> Result<MessageId, PublishError> {
        Ok(MessageId("17".to_owned()))
    }
}

/// A bus that is away.
struct Away;

#[async_trait]
impl Publisher for Away {
    async fn publish(&self, _: &str, _: OutgoingMessage) -> Result<MessageId, PublishError> {
        Err(PublishError::Unavailable("away".into()))
    }
}

/// What people and programs have written.
pub(super) struct Texts {
    pub(super) user: String,
    pub(super) request: String,
    pub(super) name: String,
    pub(super) told: String,
}

pub(super) struct Scene {
    pub(super) page: Arc<Page>,
    clock: Arc<ManualClock>,
    documents: Arc<SqliteDocuments>,
    broker: Broker,
    /// What the page publishes by hand.
    pub(super) bus: Arc<ScriptedBus>,
    /// The status that all consumers answer.
    pub(super) answer: Arc<AtomicU16>,
    /// Where discarded letters are kept.
    pub(super) folder: tempfile::TempDir,
    pub(super) url: String,
}

async fn port() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// An operator who reaches this bus by its REST face.
async fn operator(broker: &Broker, shutdown: &Shutdown) -> Operator {
    let (listener, port) = port().await;
    let face = Service::new(rest::app(broker.clone()));
    tokio::spawn(serve(listener, face, shutdown.clone()));
    let target = TargetFlags {
        project: None,
        database: "(default)".to_owned(),
        data_dir: ".fanout".into(),
        pubsub_url: Some(format!("http://127.0.0.1:{port}")),
    };
    Operator::connect(&target, &HashMap::<String, String>::new()).unwrap()
}

/// Where all consumers are pushed to, and the status that they answer.
async fn consumer(shutdown: &Shutdown) -> (String, Arc<AtomicU16>) {
    let (listener, port) = port().await;
    let status = Arc::new(AtomicU16::new(204));
    let answer = Arc::clone(&status);
    let answer = move || async move {
        let status = StatusCode::from_u16(answer.load(Ordering::Relaxed)).unwrap();
        (status, [("x-outcome", "done")])
    };
    let consumer = Service::new(Router::new().route("/", post(answer)));
    tokio::spawn(serve(listener, consumer, shutdown.clone()));
    (format!("http://127.0.0.1:{port}/"), status)
}

/// All processes, as the ticker wakes them.
fn processes(
    documents: &Arc<SqliteDocuments>,
    clock: &Arc<ManualClock>,
    ids: &Arc<SeededIds>,
) -> Engine {
    let (bus, ticker) = (Arc::new(Taking), "ticker");
    let outbox = Outbox::new(documents.clone(), bus, clock.clone(), ids.clone(), ticker);
    let processes = system::processes(Pace::REAL, |_| true);
    Engine::new(processes, documents.clone(), outbox, clock.clone())
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::of(SystemsFlags::default()).await
    }

    /// In which these systems run.
    pub(super) async fn of(systems: SystemsFlags) -> Self {
        let start = Timestamp::from_timestamp_millis(START).unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let (database, ids) = (Database::in_memory().unwrap(), Arc::new(SeededIds::new(1)));
        let documents = SqliteDocuments::open(database.clone(), clock.clone());
        let documents = Arc::new(documents.await.unwrap());
        let broker = Broker::open(
            database,
            clock.clone(),
            ids.clone(),
            "fanout-local".to_owned(),
        );
        let broker = broker.await.unwrap();
        let shutdown = Shutdown::default();
        let (consumer, answer) = consumer(&shutdown).await;
        let folder = tempfile::tempdir().unwrap();
        let bus = Arc::new(ScriptedBus::default());
        let wanted = system::topology(Redelivery::PRODUCTION, |_| Some(consumer.clone()));
        broker.set_up(&wanted).await.unwrap();
        let operator = operator(&broker, &shutdown).await;
        let (listener, port) = port().await;
        let processes = processes(&documents, &clock, &ids);
        let projections = system::projections(Freshness::EachTime, |_| true);
        let page = Page::new(Parts {
            port,
            token: "page_secret".to_owned(),
            read_only: false,
            hub: Arc::default(),
            switches: Arc::default(),
            clock: clock.clone(),
            documents: documents.clone(),
            publisher: bus.clone(),
            operator,
            broker: Some(broker.clone()),
            wanted,
            services: systems.roles().collect(),
            urls: Urls::from([("user", "http://127.0.0.1:8080".to_owned())]),
            processes,
            rebuilds: Rebuilds::new(projections.clone(), documents.clone(), clock.clone(), ids),
            projections,
            trace_url: Some("http://localhost:16686/trace/{trace_id}".to_owned()),
            data_dir: folder.path().to_owned(),
            shutdown: shutdown.clone(),
        });
        let service = Service::new(routes(&page, Router::new()));
        tokio::spawn(serve(listener, service, shutdown));
        let url = format!("http://127.0.0.1:{port}");
        Self {
            page,
            clock,
            documents,
            broker,
            bus,
            answer,
            folder,
            url,
        }
    }

    pub(super) fn after(&self, milliseconds: u64) -> Timestamp {
        let start = Timestamp::from_timestamp_millis(START).unwrap();
        self.clock.set(start + Duration::from_millis(milliseconds));
        start + Duration::from_millis(milliseconds)
    }

    /// An event that is stored and published, fails with one consumer and is done with the others; garbage;
    /// a dead letter of each; a process; a consumer that is broken; an action. Answers the event's id.
    pub(super) async fn fill(&self, texts: &Texts) -> String {
        let id = self.sign_up(texts, Arc::new(Taking)).await;
        self.deliver(&id, texts);
        self.garbage(texts);
        self.letters(&id, texts).await;
        self.process(texts).await;
        let email = system::consumer("email").unwrap();
        let broken = Fault {
            fails: 100,
            ..Fault::default()
        };
        let (wanted, broker) = (&self.page.wanted, &self.broker);
        self.page
            .switches
            .set(email, broken, wanted, broker)
            .await
            .unwrap();
        self.page.log.note(Deed {
            number: 0,
            at: self.after(6_000),
            said: texts.told.clone(),
            href: Some("/events".to_owned()),
            well: false,
        });
        self.after(7_000);
        id
    }

    /// Stores an event that the bus takes, and that no page has seen.
    pub(super) async fn stored(&self, texts: &Texts) -> String {
        self.sign_up(texts, Arc::new(Taking)).await
    }

    /// Stores an event that no bus takes, and lets 20 s pass.
    pub(super) async fn wait_for_the_bus(&self, texts: &Texts) {
        self.sign_up(texts, Arc::new(Away)).await;
        self.after(20_000);
    }

    async fn sign_up(&self, texts: &Texts, bus: Arc<dyn Publisher>) -> String {
        let (documents, clock) = (self.documents.clone(), self.clock.clone());
        let ids = Arc::new(SeededIds::new(2));
        let outbox = Outbox::new(documents, bus, clock, ids, "user-service");
        let data = UserCreated {
            user_id: texts.user.clone(),
            email: EmailAddress::stored("secret@example.com"),
            name: PersonName::stored(&texts.name),
        };
        let draft = Draft::of(&texts.user, 1, &data).unwrap();
        let origin = Origin {
            correlation_id: Some(texts.request.clone()),
            trace: TRACEPARENT.parse().ok(),
            ..Origin::default()
        };
        outbox
            .store(Vec::new(), vec![draft], &origin)
            .await
            .unwrap();
        outbox.drain().await;
        let asked = EventsOf::Subject(&texts.user);
        let rows = find_events(self.documents.as_ref(), asked, 1).await;
        rows.unwrap().0.remove(0).event_id
    }

    fn deliver(&self, id: &str, texts: &Texts) {
        let hub = &self.page.hub;
        hub.publishing(
            Publication {
                event_id: id.to_owned(),
                event_type: "user.created".to_owned(),
                topic: "user-events".to_owned(),
                subject: Some(texts.user.clone()),
                correlation_id: Some(texts.request.clone()),
                flow: None,
            },
            self.after(2),
        );
        hub.published(id, true, self.after(2));
        let line = LogLine {
            at: self.after(3),
            level: "WARN",
            text: "a claim could not be released".to_owned(),
            fields: vec![("error", texts.told.clone())],
        };
        hub.logged(id, line);
        let told = |consumer: &str, outcome: &str, number, status| Delivery {
            event_id: id.to_owned(),
            event_type: "user.created".to_owned(),
            consumer: consumer.to_owned(),
            message_id: Some("17".to_owned()),
            number: Some(number),
            outcome: outcome.to_owned(),
            took_ms: 4,
            status: Some(status),
            why: (outcome == "failed").then(|| texts.told.clone()),
            ..Delivery::default()
        };
        hub.delivered(told("analytics", "done", 1, 204), self.after(8));
        hub.delivered(told("crm", "done", 1, 204), self.after(9));
        hub.delivered(told("crm", "duplicate", 2, 204), self.after(12));
        for number in 1..=3 {
            hub.delivered(
                told("email", "failed", number, 503),
                self.after(number * 1_000),
            );
        }
        let why = "3 deliveries failed: the bus gave it up".to_owned();
        hub.given_up("17", "email", why, self.after(3_001));
    }

    fn garbage(&self, texts: &Texts) {
        let told = Delivery {
            event_id: format!("msg_18_{}", texts.user),
            consumer: "crm".to_owned(),
            message_id: Some("18".to_owned()),
            number: Some(1),
            outcome: "parked".to_owned(),
            status: Some(204),
            why: Some(format!("undecodable: {}", texts.told)),
            ..Delivery::default()
        };
        self.page.hub.delivered(told, self.after(4_000));
    }

    pub(super) async fn letters(&self, id: &str, texts: &Texts) {
        let publisher = self.broker.publisher();
        let data = json!({
            "id": id, "type": "user.created", "source": "user-service", "subject": texts.user, "sequence": 1,
            "timestamp": "2026-11-20T12:00:00Z", "metadata": {"version": "1.0"},
            "data": {"user_id": texts.user, "email": "secret@example.com", "name": texts.name},
        });
        let message = |data: String| PushedMessage {
            message_id: "17".to_owned(),
            publish_time: self.after(2),
            data: data.into(),
            attributes: BTreeMap::from([("ce-type".to_owned(), texts.told.clone())]),
            ordering_key: String::new(),
            subscription: "projects/fanout-local/subscriptions/user-events-email".to_owned(),
            delivery_attempt: Some(1),
        };
        for (consumer, reason, data) in [
            ("email", texts.told.as_str(), data.to_string()),
            ("crm", "undecodable", texts.name.clone()),
        ] {
            let copy = parked_copy(&message(data), consumer, reason, &texts.told);
            self.after(5_000);
            let topic = system::consumer(consumer).unwrap().dead_letters();
            publisher.publish(&topic, copy).await.unwrap();
        }
    }

    async fn process(&self, texts: &Texts) {
        let key = format!("ord_{}", texts.user);
        self.stuck_process(&key, self.after(5_500), texts).await;
    }

    /// A process that waits for an operator since then.
    pub(super) async fn stuck_process(&self, key: &str, at: Timestamp, texts: &Texts) {
        let step = |step: &str, status, reason: Option<&String>| StepRecord {
            step: step.to_owned(),
            status,
            attempt: 2,
            at,
            due_at: Some(at + Duration::from_secs(60)),
            reason: reason.cloned(),
            output: Map::new(),
        };
        let stored = StoredProcess {
            name: "order".to_owned(),
            version: 1,
            instance: Instance {
                key: key.to_owned(),
                status: Status::Stuck,
                state: json!({}),
                steps: vec![
                    step("reserve", StepStatus::Done, None),
                    step("charge", StepStatus::Unknown, Some(&texts.told)),
                ],
                failure: Some(Failed {
                    step: Some("charge".to_owned()),
                    reason: texts.told.clone(),
                    detail: Some(texts.told.clone()),
                }),
            },
            emitted: 2,
            wake_at: Some(at + Duration::from_secs(60)),
            correlation_id: Some(texts.request.clone()),
            started_at: at,
            updated_at: at,
            ended_at: None,
        };
        let write = Write::create(stored.key(), stored.to_fields());
        self.documents.commit(vec![write]).await.unwrap();
    }
}
