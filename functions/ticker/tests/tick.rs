//! What a tick and a skip answer; that they relay and skip is tested with the services whose events
//! wait, and with the command.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use fanout_contracts::Currency;
use fanout_contracts::account::AccountOpened;
use fanout_event_sourcing::AUDIT_ROOTS;
use fanout_outbox::{Draft, Origin, Outbox};
use fanout_processes::{Engine, Processes};
use fanout_root_copies::{Folder, ReadCopies as _};
use fanout_runtime::{Clock as _, SystemClock, SystemIds, Timestamp};
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Fields, Key, Page, Query, StoreError, Write,
};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::{ManualClock, ScriptedBus, captured_logs};
use http::Request;
use serde_json::{Value, json};
use ticker::Kept;
use tower::ServiceExt as _;

/// A store that is away.
struct Away;

#[async_trait]
impl Documents for Away {
    async fn get_many(&self, _: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        Err(StoreError::Unavailable("away".into()))
    }

    async fn query(&self, _: &Query) -> Result<Page, StoreError> {
        Err(StoreError::Unavailable("away".into()))
    }

    async fn commit(&self, _: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        Err(StoreError::Unavailable("away".into()).into())
    }
}

/// A store that is empty, and never says which streams there are.
struct Silent;

#[async_trait]
impl Documents for Silent {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        Ok(keys.iter().map(|_| None).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        if query.filters.iter().any(|filter| filter.field == "type") {
            std::future::pending::<()>().await;
        }
        Ok(Page {
            documents: Vec::new(),
            next: None,
        })
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        let update_times = writes.iter().map(|_| None).collect();
        Ok(CommitReceipt { update_times })
    }
}

async fn tick(documents: Arc<dyn Documents>) -> (u16, Value) {
    ask(
        documents,
        Request::post("/tick").body(Body::empty()).unwrap(),
    )
    .await
}

async fn ask(documents: Arc<dyn Documents>, request: Request<Body>) -> (u16, Value) {
    let (bus, clock) = (Arc::new(ScriptedBus::default()), Arc::new(SystemClock));
    let ids = Arc::new(SystemIds);
    let outbox = Outbox::new(documents.clone(), bus, clock.clone(), ids, "ticker");
    let engine = Engine::new(Processes::default(), documents, outbox.clone(), clock);
    let answer = ticker::app(outbox, engine).oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_tick_with_nothing_to_do_says_so() {
    let database = Database::in_memory().unwrap();
    let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
    let report = json!({
        "outbox": {"published": 0, "failed": 0, "remaining": 0, "oldest_age_seconds": 0},
        "processes": {"woken": 0, "failed": 0, "remaining": 0, "oldest_lateness_seconds": 0},
        "projections": {"events": 0, "rows": 0, "building": 0, "failed": 0},
    });
    assert_eq!(tick(Arc::new(documents.unwrap())).await, (200, report));
}

#[tokio::test]
async fn while_the_store_is_away_the_next_minute_tries_again() {
    let ((status, problem), logs) = captured_logs(tick(Arc::new(Away))).await;
    assert_eq!(status, 503, "{problem}");
    assert_eq!(problem["status"], 503);
    // The answer says nothing of the cause, so the log must.
    let line = logs
        .lines()
        .find(|line| line.contains("could not be relayed"));
    let line: Value = serde_json::from_str(line.unwrap()).unwrap();
    assert_eq!(line["severity"], "ERROR");
    assert!(line["error"].as_str().unwrap().contains("away"), "{line}");
}

#[tokio::test]
async fn while_the_store_is_away_nothing_is_skipped_and_no_cause_is_told() {
    let skip = Request::post("/outbox/evt_1/skip").header("Content-Type", "application/json");
    let request = skip.body(Body::from(r#"{"reason":"too large"}"#)).unwrap();
    let (status, problem) = ask(Arc::new(Away), request).await;
    assert_eq!(status, 503, "{problem}");
    assert_eq!(problem["type"], "unavailable");
}

#[tokio::test]
async fn an_id_that_cannot_be_one_is_no_event_s() {
    let skip = Request::post("/outbox/%FF/skip").header("Content-Type", "application/json");
    let request = skip.body(Body::from(r#"{"reason":"too large"}"#)).unwrap();
    let (status, problem) = ask(Arc::new(Away), request).await;
    assert_eq!((status, &problem["type"]), (404, &json!("event_not_found")));
}

#[tokio::test]
async fn the_first_tick_after_a_day_writes_the_root_of_its_events_and_copies_it() {
    let at = |time: &str| time.parse::<Timestamp>().unwrap();
    let clock = Arc::new(ManualClock::new(at("2026-11-20T23:59:00Z")));
    let database = Database::in_memory().unwrap();
    let documents = SqliteDocuments::open(database, clock.clone())
        .await
        .unwrap();
    let documents = Arc::new(documents);
    let (bus, ids) = (Arc::new(ScriptedBus::default()), Arc::new(SystemIds));
    let outbox = Outbox::new(
        documents.clone(),
        bus,
        clock.clone(),
        ids,
        "account-service",
    );
    let opened = AccountOpened {
        account_id: "acc_1".to_owned(),
        owner: "alice".to_owned(),
        currency: Currency::USD,
    };
    let draft = Draft::of("acc_1", 1, &opened).unwrap();
    let row = outbox
        .lasting_row(&draft, &Origin::default(), clock.now())
        .unwrap();
    let row = row.lasting_with(Fields::new().with("hash", "00"));
    let committed = outbox.commit(Vec::new(), vec![row].into()).await.unwrap();
    outbox.publish_now(committed).await;

    clock.set(at("2026-11-21T00:10:00Z"));
    let none = Processes::default();
    let engine = Engine::new(none, documents.clone(), outbox.clone(), clock.clone());
    let roots = ticker::daily_roots(documents.clone(), clock);
    let data = tempfile::tempdir().unwrap();
    let copies = Arc::new(Folder::at(data.path()));
    let kept = Kept {
        roots: Some(roots.copied_to(copies.clone())),
        ..Kept::default()
    };
    let ticker = ticker::app_keeping(outbox, engine, kept);
    let request = Request::post("/tick").body(Body::empty()).unwrap();
    assert_eq!(ticker.oneshot(request).await.unwrap().status(), 200);
    let root = documents
        .get(&Key::new(AUDIT_ROOTS, "2026-11-20"))
        .await
        .unwrap();
    let root = root.unwrap();
    assert_eq!(root.fields.count("streams"), Ok(1));
    let copies: Vec<String> = copies.all().await.unwrap().into_values().collect();
    assert_eq!(copies, [root.fields.text("root").unwrap()]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_ends_after_40_s_with_its_report_whatever_the_daily_roots_wait_for() {
    let (documents, clock) = (Arc::new(Silent), Arc::new(SystemClock));
    let (bus, ids) = (Arc::new(ScriptedBus::default()), Arc::new(SystemIds));
    let outbox = Outbox::new(documents.clone(), bus, clock.clone(), ids, "ticker");
    let none = Processes::default();
    let engine = Engine::new(none, documents.clone(), outbox.clone(), clock.clone());
    let kept = Kept {
        roots: Some(ticker::daily_roots(documents, clock)),
        ..Kept::default()
    };
    let ticker = ticker::app_keeping(outbox, engine, kept);
    let request = Request::post("/tick").body(Body::empty()).unwrap();
    let began = tokio::time::Instant::now();
    let (answer, logs) = captured_logs(ticker.oneshot(request)).await;
    assert_eq!(answer.unwrap().status(), 200);
    assert_eq!(began.elapsed().as_secs(), 40);
    let line = logs.lines().find(|line| line.contains("daily roots"));
    let line: Value = serde_json::from_str(line.unwrap()).unwrap();
    assert_eq!(line["severity"], "ERROR");
    assert!(
        line["error"].as_str().unwrap().contains("out of time"),
        "{line}"
    );
}
