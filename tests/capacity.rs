//! What `fanout capacity` says that a sign-up does, counted on both stores; and what a tick reads.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use fanout::capacity::{Operations, REACTIONS, SIGN_UP};
use fanout_bus_local::Broker;
use fanout_kernel::{Kernel, Place, ServiceSpec};
use fanout_processes::Pace;
use fanout_projections::Freshness;
use fanout_runtime::{Settings, SystemClock, SystemIds};
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::CountingDocuments;
use http::{Method, Request};
use system::SERVICES;
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::support::{emulators, envelope_around, kernel};

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_does_what_the_estimate_counts_on_sqlite() {
    Counted::on_sqlite().await.sign_up().await;
}

/// A query that finds nothing is billed as one read.
#[tokio::test(flavor = "multi_thread")]
async fn a_tick_without_work_reads_what_the_page_of_costs_says() {
    let mut counted = Counted::on_sqlite().await;
    counted.kernel.processes = system::processes(Pace::REAL, |_| true);
    counted.kernel.projections = system::projections(Freshness::CLOUD, |_| true);
    let ticker = counted.started(system::TICKER);
    // The very first also sets projections up, and a process' first looks for the day's root.
    counted.asked(ticker.clone(), "/tick", Vec::new()).await;
    let (reads, _) = counted.asked(ticker, "/tick", Vec::new()).await;
    let said = format!("| The ticker, each minute: {reads} reads,");
    assert!(include_str!("../docs/COST.md").contains(&said), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install cloud-firestore-emulator"
)]
async fn a_sign_up_does_what_the_estimate_counts_on_firestores_emulator() {
    let documents = emulators().await.documents().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    Counted::over(Arc::new(documents), folder)
        .await
        .sign_up()
        .await;
}

/// Services one by one over documents that count.
struct Counted {
    documents: Arc<CountingDocuments>,
    kernel: Kernel,
    folder: TempDir,
}

impl Counted {
    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("documents")).unwrap();
        let documents = SqliteDocuments::open(database, Arc::new(SystemClock));
        Self::over(Arc::new(documents.await.unwrap()), folder).await
    }

    async fn over(documents: Arc<dyn Documents>, folder: TempDir) -> Self {
        let documents = CountingDocuments::new(documents);
        let database = Database::open(&folder.path().join("bus")).unwrap();
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        let broker = Broker::open(database, clock, ids, "test".to_owned());
        let publisher = Arc::new(broker.await.unwrap().publisher());
        std::fs::create_dir(folder.path().join("mail")).unwrap();
        Self {
            kernel: kernel(documents.clone(), publisher),
            documents,
            folder,
        }
    }

    async fn sign_up(&self) {
        let user = r#"{"email": "ada@example.com", "name": "Ada"}"#;
        let done = self.does("user-service", "/users", user.into()).await;
        let Operations {
            reads,
            writes,
            deletes,
        } = SIGN_UP;
        assert_eq!(done, (reads, writes + deletes), "user-service");
        let created = include_str!("../shared/contracts/user/golden/user.created/1.0/event.json");
        for reaction in REACTIONS {
            let body = envelope_around(created.as_bytes(), 1);
            let done = self.does(reaction.service, "/pubsub/push", body).await;
            let counted = reaction.operations;
            assert_eq!(
                done,
                (counted.reads, counted.writes),
                "{}",
                reaction.service
            );
        }
    }

    async fn does(&self, service: &str, path: &str, body: Vec<u8>) -> (u64, u64) {
        let spec = SERVICES.iter().find(|spec| spec.name == service).unwrap();
        self.asked(self.started(spec), path, body).await
    }

    /// Documents read, and written or deleted, until the service has nothing left to do.
    async fn asked(&self, app: Router, path: &str, body: Vec<u8>) -> (u64, u64) {
        let (before, _) = (
            self.documents.written_keys().len(),
            self.documents.take_calls(),
        );
        let request = Request::builder().method(Method::POST).uri(path);
        let request = request.header("content-type", "application/json");
        let answer = app.oneshot(request.body(Body::from(body)).unwrap()).await;
        assert!(answer.unwrap().status().is_success(), "{path}");
        self.kernel.outbox.drain().await;
        let calls = self.documents.take_calls();
        let written = self.documents.written_keys().len() - before;
        ((calls.gets + calls.queries) as u64, written as u64)
    }

    fn started(&self, spec: &ServiceSpec) -> Router {
        let place = Place::OneMachine {
            folder: self.folder.path().to_owned(),
        };
        let nothing = HashMap::new();
        let role = (spec.build)(&mut Settings::new(&nothing), &place).unwrap();
        spec.start(role, self.kernel.clone()).unwrap().into_routes()
    }
}
