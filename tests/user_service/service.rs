//! The service over a store of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use fanout_bus::Publisher;
use fanout_outbox::{EVENTS, OUTBOX_LEASES, Outbox};
use fanout_runtime::{Clock, IdGenerator, SystemIds, Timestamp};
use fanout_store::{Collection, Document, Documents, Query, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::{ManualClock, SeededIds};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use user_service::UserServiceDeps;

use super::bus::Bus;
use crate::support::{emulators, ticker_of};

/// Expands into one test per store, each with a fresh [`Service`].
macro_rules! on_every_store {
    ($($(#[$doc:meta])* async fn $name:ident($service:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every case names something of its file")]
            use super::*;

            $(#[$doc])*
            async fn case($service: Service) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                case(Service::new().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[cfg_attr(not(emulators), ignore = "needs Google's emulators: gcloud components install cloud-firestore-emulator")]
            async fn on_firestores_emulator() {
                case(Service::on_firestore().await).await;
            }
        }
    )*};
}

pub(crate) use on_every_store;

/// The user service, with time and bus under control.
pub(crate) struct Service {
    pub(crate) app: Router,
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) outbox: Outbox,
    ids: Arc<dyn IdGenerator>,
    data: Option<Arc<TempDir>>,
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Null if there is none.
    pub(crate) body: Value,
}

impl Service {
    /// With ids that differ from run to run.
    pub(crate) async fn new() -> Self {
        Self::with_ids(Arc::new(SystemIds)).await
    }

    /// With the same ids in every run, for snapshots.
    pub(crate) async fn repeatable() -> Self {
        Self::with_ids(Arc::new(SeededIds::new(1))).await
    }

    /// On Firestore's emulator, in a project of its own.
    pub(crate) async fn on_firestore() -> Self {
        let documents = emulators().await.documents().await.unwrap();
        Self::over(Arc::new(documents), clock(), Arc::new(SystemIds), None)
    }

    async fn with_ids(ids: Arc<dyn IdGenerator>) -> Self {
        let data = Arc::new(tempfile::tempdir().unwrap());
        let clock = clock();
        let database = Database::open(&data.path().join("db")).unwrap();
        let documents = SqliteDocuments::open(database, clock.clone())
            .await
            .unwrap();
        Self::over(Arc::new(documents), clock, ids, Some(data))
    }

    fn over(
        documents: Arc<dyn Documents>,
        clock: Arc<ManualClock>,
        ids: Arc<dyn IdGenerator>,
        data: Option<Arc<TempDir>>,
    ) -> Self {
        let bus = Arc::new(Bus::new());
        Self::compose(documents, bus.clone(), bus, clock, ids, data)
    }

    /// The same store, bus and time behind other adapters: another process.
    pub(crate) fn beside(
        &self,
        documents: Arc<dyn Documents>,
        publisher: Arc<dyn Publisher>,
    ) -> Self {
        let (bus, clock) = (Arc::clone(&self.bus), Arc::clone(&self.clock));
        let (ids, data) = (Arc::clone(&self.ids), self.data.clone());
        Self::compose(documents, publisher, bus, clock, ids, data)
    }

    /// How many sign-ups at once the store has time for before their requests end. Google's emulator,
    /// when it has just started, has none for five hundred, and the service rightly answers 503.
    pub(crate) fn keeps_up_with(&self) -> usize {
        match self.data {
            Some(_) => 500,
            None => 50,
        }
    }

    /// One more instance of the service.
    pub(crate) fn twin(&self) -> Self {
        self.beside(Arc::clone(&self.documents), self.bus.clone())
    }

    fn compose(
        documents: Arc<dyn Documents>,
        publisher: Arc<dyn Publisher>,
        bus: Arc<Bus>,
        clock: Arc<ManualClock>,
        ids: Arc<dyn IdGenerator>,
        data: Option<Arc<TempDir>>,
    ) -> Self {
        let time: Arc<dyn Clock> = clock.clone();
        let outbox = Outbox::new(
            Arc::clone(&documents),
            publisher,
            Arc::clone(&time),
            Arc::clone(&ids),
            user_service::NAME,
        );
        let app = user_service::app(UserServiceDeps {
            documents: Arc::clone(&documents),
            outbox: outbox.clone(),
            clock: time,
            ids: Arc::clone(&ids),
        });
        Self {
            app: fanout_web::Service::new(app).into_routes(),
            documents,
            bus,
            clock,
            outbox,
            ids,
            data,
        }
    }

    /// Sends a request; `headers` are added as they are.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        read(self.app.clone().oneshot(request).await.unwrap()).await
    }

    /// Sends JSON.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let json = ("content-type", "application/json");
        let headers: Vec<_> = headers.iter().copied().chain([json]).collect();
        self.call(method, path, &headers, body.to_string()).await
    }

    /// `POST /users`
    pub(crate) async fn sign_up(&self, email: &str) -> Answer {
        let body = json!({"email": email, "name": "Test User"});
        self.send(Method::POST, "/users", &[], &body).await
    }

    /// Signs a user up and gives the user's id.
    pub(crate) async fn new_user(&self, email: &str) -> String {
        let answer = self.sign_up(email).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// `PATCH /users/{id}`
    pub(crate) async fn patch(&self, id: &str, body: &Value) -> Answer {
        let path = format!("/users/{id}");
        self.send(Method::PATCH, &path, &[], body).await
    }

    /// `GET /users/{id}`
    pub(crate) async fn get(&self, id: &str) -> Answer {
        let path = format!("/users/{id}");
        self.call(Method::GET, &path, &[], "").await
    }

    /// `DELETE /users/{id}`
    pub(crate) async fn delete(&self, id: &str) -> Answer {
        let path = format!("/users/{id}");
        self.call(Method::DELETE, &path, &[], "").await
    }

    /// `POST /tick`, long enough after what happened last for every lease to have run out.
    pub(crate) async fn relay_later(&self) -> Value {
        self.clock.advance(Duration::from_secs(61));
        self.relay().await
    }

    /// `POST /tick` of the ticker: what it says of the outbox.
    pub(crate) async fn relay(&self) -> Value {
        let ticker = ticker_of(self.outbox.clone(), self.documents.clone());
        let request = Request::post("/tick").body(Body::empty()).unwrap();
        let answer = read(ticker.oneshot(request).await.unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.body["outbox"].clone()
    }

    /// Everything in a collection.
    pub(crate) async fn stored(&self, collection: &'static Collection) -> Vec<Document> {
        let query = Query::of(collection);
        all_documents(self.documents.as_ref(), query).await.unwrap()
    }

    /// How many events are still to be published.
    pub(crate) async fn waiting(&self) -> usize {
        let rows = self.stored(EVENTS).await;
        let waits = |row: &&Document| row.fields.get("waiting").is_some();
        rows.iter().filter(waits).count()
    }

    /// Nothing waits, and no lease is held.
    pub(crate) async fn assert_outbox_empty(&self) {
        assert_eq!(self.waiting().await, 0, "rows");
        assert_eq!(self.stored(OUTBOX_LEASES).await.len(), 0, "leases");
    }
}

async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    }
}

fn clock() -> Arc<ManualClock> {
    let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    Arc::new(ManualClock::new(start))
}
