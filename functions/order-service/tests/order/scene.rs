//! The order service among participants that a test speaks for.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use fanout_consume::{ConsumerDeps, PushAuth};
use fanout_outbox::Outbox;
use fanout_processes::{Engine, Owned, Pace, Processes, StoredProcess, process_key};
use fanout_runtime::{Timestamp, Timings};
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::consumer_tests::{Answer, deliver};
use fanout_testkit::{CountingDocuments, ManualClock, ScriptedBus, SeededIds};
use http::{Request, StatusCode};
use order_service::{NAME, OrderFlow, OrderServiceDeps, app, order_process};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const LAPTOPS: &str = r#"{"user_id":123,"product_id":1,"quantity":2,"price":999.99}"#;

pub(crate) struct Scene {
    pub(crate) documents: Arc<CountingDocuments>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) bus: Arc<ScriptedBus>,
    pub(crate) app: Router,
    pub(crate) engine: Engine,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone()).await;
        let documents = CountingDocuments::new(Arc::new(documents.unwrap()));
        let (bus, ids) = (
            Arc::new(ScriptedBus::default()),
            Arc::new(SeededIds::new(7)),
        );
        let outbox = Outbox::new(
            documents.clone(),
            bus.clone(),
            clock.clone(),
            ids.clone(),
            NAME,
        );
        let consumer = ConsumerDeps {
            documents: documents.clone(),
            publisher: bus.clone(),
            outbox: outbox.clone(),
            dead_letter_topic: "dead-letters".to_owned(),
            clock: clock.clone(),
            ids,
            timings: Timings::PRODUCTION,
            auth: PushAuth::open_for_one_machine(),
        };
        let processes = Processes::of(vec![Owned {
            service: NAME,
            machine: order_process(Pace::REAL),
        }]);
        let engine = Engine::new(
            processes.clone(),
            documents.clone(),
            outbox.clone(),
            clock.clone(),
        );
        let app = app(OrderServiceDeps {
            consumer,
            processes,
            flow: OrderFlow::Orchestrated,
        });
        Self {
            documents,
            clock,
            bus,
            app,
            engine,
        }
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let answer = self.app.clone().oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (
            head.status,
            serde_json::from_slice(&body).unwrap_or_default(),
        )
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call("GET", path, &[], "").await
    }

    /// Places an order; gives its id.
    pub(crate) async fn order(&self) -> String {
        let (status, order) = self.call("POST", "/orders", &[], LAPTOPS).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{order}");
        order["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn status(&self, id: &str) -> Value {
        let (_, order) = self.get(&format!("/orders/{id}")).await;
        order["status"].clone()
    }

    pub(crate) async fn process(&self, id: &str) -> StoredProcess {
        let found = self.documents.get(&process_key("order", id)).await;
        StoredProcess::from_document(&found.unwrap().unwrap()).unwrap()
    }

    /// The events of this type that have left, in order.
    pub(crate) async fn left(&self, event_type: &str) -> Vec<Value> {
        // What follows an answer is done before the next look.
        tokio::task::yield_now().await;
        let taken = self.bus.taken().into_iter();
        let events = taken.map(|(_, message)| serde_json::from_slice(&message.data).unwrap());
        let events = events.filter(|event: &Value| event["type"] == event_type);
        events.collect()
    }

    /// A participant's answer to the first request of this type.
    pub(crate) async fn answer_to(&self, request: &str, answer: &str, more: &Value) -> Answer {
        deliver(
            &self.app,
            self.answer(request, answer, more).await.to_string(),
        )
        .await
    }

    pub(crate) async fn answer(&self, request: &str, answer: &str, more: &Value) -> Value {
        let requests = self.left(request).await;
        let asked = requests.first().unwrap();
        let mut data = more.clone();
        for name in ["step", "order_id"] {
            data[name] = asked["data"][name].clone();
        }
        let subject = data.as_object().unwrap().iter();
        let mut ids = subject.filter(|(name, _)| name.ends_with("_id") && *name != "order_id");
        let subject = ids.next().unwrap().1.clone();
        json!({
            "id": format!("evt_of_{answer}_{}", data["step"]["attempt"]),
            "type": answer,
            "source": "test-service",
            "subject": subject,
            "sequence": 1,
            "timestamp": "2026-11-20T12:00:00.000Z",
            "correlation_id": asked["correlation_id"],
            "causation_id": asked["id"],
            "data": data,
            "metadata": {"version": "1.0", "schema": "https://schemas.example.com/x/v1"},
        })
    }

    /// Stock is reserved.
    pub(crate) async fn reserved(&self) -> Answer {
        let items = json!([{"product_id": "1", "quantity": 2}]);
        let more = json!({"reservation_id": "res_1", "items": items});
        self.answer_to(
            "inventory.reservation_requested",
            "inventory.reserved",
            &more,
        )
        .await
    }

    /// The charge is declined.
    pub(crate) async fn declined(&self) -> Answer {
        let more = json!({"payment_id": "pay_1", "reason": "declined"});
        self.answer_to("payment.charge_requested", "payment.declined", &more)
            .await
    }
}
