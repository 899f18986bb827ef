//! The service, a clock that is moved by hand, and calls.

use std::sync::Arc;

use account_service::{Account, AccountServiceDeps, app};
use axum::Router;
use axum::body::{Body, to_bytes};
use fanout_event_sourcing::{Report, verify};
use fanout_outbox::Outbox;
use fanout_runtime::Timestamp;
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::{ManualClock, ScriptedBus, SeededIds};
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) struct Scene {
    pub(crate) documents: Arc<SqliteDocuments>,
    pub(crate) clock: Arc<ManualClock>,
    ids: Arc<SeededIds>,
    outbox: Outbox,
    service: Router,
}

/// A status and a body.
pub(crate) type Answer = (u16, Value);

impl Scene {
    pub(crate) async fn new() -> Self {
        let start: Timestamp = "2024-01-01T09:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone()).await;
        let documents = Arc::new(documents.unwrap());
        let ids = Arc::new(SeededIds::new(7));
        let (service, outbox) = service(documents.clone(), &clock, &ids);
        Self {
            service,
            outbox,
            documents,
            clock,
            ids,
        }
    }

    /// The same accounts, with something between the service and the store.
    pub(crate) fn over(&self, documents: Arc<dyn Documents>) -> Self {
        let (service, outbox) = service(documents, &self.clock, &self.ids);
        Self {
            service,
            outbox,
            documents: self.documents.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        }
    }

    /// Waits until nothing is left to be published or tidied up.
    pub(crate) async fn drained(&self) {
        self.outbox.drain().await;
    }

    /// It is midnight of this day now.
    pub(crate) fn day(&self, day: &str) {
        self.clock.set(format!("{day}T00:00:00Z").parse().unwrap());
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_with(path, body, None).await
    }

    pub(crate) async fn post_with(&self, path: &str, body: Value, key: Option<&str>) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.ask(request.body(body.to_string().into()).unwrap())
            .await
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let answer = self.service.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// A new account; its id.
    pub(crate) async fn open(&self, owner: &str) -> String {
        let body = json!({"owner": owner, "currency": "USD"});
        let (status, account) = self.post("/accounts", body).await;
        assert_eq!(status, 201, "{account}");
        account["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn deposit(&self, id: &str, amount: &str) -> Answer {
        let path = format!("/accounts/{id}/deposits");
        self.post(&path, json!({"amount": amount})).await
    }

    pub(crate) async fn withdraw(&self, id: &str, amount: &str) -> Answer {
        let path = format!("/accounts/{id}/withdrawals");
        self.post(&path, json!({"amount": amount})).await
    }

    pub(crate) async fn transfer(&self, from: &str, to: &str, amount: &str) -> Answer {
        let body = json!({"from": from, "to": to, "amount": amount});
        self.post("/transfers", body).await
    }

    /// The balance, now or as of what the query says.
    pub(crate) async fn balance(&self, id: &str, query: &str) -> String {
        let (status, account) = self.get(&format!("/accounts/{id}{query}")).await;
        assert_eq!(status, 200, "{account}");
        account["balance"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn verified(&self) -> Report {
        let report = verify::<Account>(self.documents.as_ref(), None).await;
        report.unwrap()
    }
}

/// The slug of an answer that is a problem, with its status.
pub(crate) fn slug((status, body): &Answer) -> (u16, &str) {
    (*status, body["type"].as_str().unwrap_or_default())
}

fn service(
    documents: Arc<dyn Documents>,
    clock: &Arc<ManualClock>,
    ids: &Arc<SeededIds>,
) -> (Router, Outbox) {
    let bus = Arc::new(ScriptedBus::default());
    let (clock, ids) = (clock.clone(), ids.clone());
    let outbox = Outbox::new(
        documents.clone(),
        bus,
        clock.clone(),
        ids.clone(),
        account_service::NAME,
    );
    let service = app(AccountServiceDeps {
        documents,
        outbox: outbox.clone(),
        clock,
        ids,
    });
    (service, outbox)
}
