//! Every query has an index that its collection declares.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_mail::{Letterhead, Sender};
use fanout_outbox::Outbox;
use fanout_runtime::{SystemClock, SystemIds};
use fanout_store::{
    CommitError, CommitReceipt, Comparison, Direction, Document, Documents, Key, Order, Page,
    Query, StoreError, Write, ascending,
};
use fanout_store_sqlite::{Database, SqliteDocuments};
use http::Request;
use tower::ServiceExt;

use crate::support::{envelope_around, kernel, ticker_of};

/// Notes each query whose index its collection does not declare.
struct Undeclared {
    documents: SqliteDocuments,
    found: Mutex<Vec<String>>,
}

#[async_trait]
impl Documents for Undeclared {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.documents.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let equal = query
            .filters
            .iter()
            .filter(|filter| filter.comparison == Comparison::Equal);
        let mut fields: Vec<Order> = equal.map(|filter| ascending(filter.field)).collect();
        fields.extend(query.full_order());
        if !fields.is_empty() && !query.collection.indexes.contains(&&*fields) {
            let found = format!("{}: {fields:?}", query.collection);
            self.found.lock().unwrap().push(found);
        }
        self.documents.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.documents.commit(writes).await
    }
}

/// A bus that is down, so that rows stay in the outbox for the relay to ask for.
struct Down;

#[async_trait]
impl Publisher for Down {
    async fn publish(&self, _: &str, _: OutgoingMessage) -> Result<MessageId, PublishError> {
        Err(PublishError::Unavailable("down".into()))
    }
}

async fn ask(app: &Router, method: &str, path: &str, body: &[u8]) {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json");
    let request = request.body(Body::from(body.to_vec())).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
}

#[tokio::test]
async fn every_query_has_an_index_that_its_collection_declares() {
    let data = tempfile::tempdir().unwrap();
    let database = Database::open(&data.path().join("db")).unwrap();
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let documents = Arc::new(Undeclared {
        documents: SqliteDocuments::open(database, clock.clone())
            .await
            .unwrap(),
        found: Mutex::default(),
    });
    let outbox = Outbox::new(
        documents.clone(),
        Arc::new(Down),
        clock.clone(),
        ids.clone(),
        user_service::NAME,
    );
    let users = user_service::app(user_service::UserServiceDeps {
        documents: documents.clone(),
        outbox: outbox.clone(),
        clock: clock.clone(),
        ids,
    });
    let ticker = ticker_of(outbox.clone(), documents.clone());
    let kernel = kernel(documents.clone(), Arc::new(Down));
    let subscriber = crm_service::SERVICE.subscriber.as_ref().unwrap();
    let deps = kernel.consumer(subscriber).unwrap();
    let emails = email_service::app(email_service::EmailServiceDeps {
        mailer: Arc::new(fanout_mail::EmlMailer::new(data.path())),
        letterhead: Letterhead::of(Sender::parse("a@example.com").unwrap()),
        consumer: deps.clone(),
    });
    let crm = crm_service::app(deps.clone());
    let analytics = analytics_service::app(deps, Default::default());
    let sign_up = br#"{"email": "a@example.com", "name": "A"}"#;
    let hand_typed =
        br#"{"userId": "u", "email": "a@example.com", "name": "A", "event": "user.created"}"#;
    let push = envelope_around(hand_typed, 1);
    let deleted = include_bytes!("../shared/contracts/user/golden/user.deleted/1.0/event.json");
    let deletion = envelope_around(deleted, 1);
    let range = "/signups?from=2026-11-01&to=2026-11-30";
    // Whatever lists, queries or handles an event; a new route or parameter is a new line.
    let requests: [(&Router, &str, &str, &[u8]); 12] = [
        (&users, "POST", "/users", sign_up),
        (&ticker, "POST", "/tick", b""),
        (&emails, "POST", "/pubsub/push", &push),
        (&emails, "GET", "/emails?user_id=u", b""),
        (&emails, "POST", "/pubsub/push", &deletion),
        (&crm, "POST", "/pubsub/push", &push),
        (&crm, "GET", "/contacts/u", b""),
        (&crm, "GET", "/contacts?limit=1", b""),
        (&analytics, "POST", "/pubsub/push", &push),
        (&analytics, "GET", "/signups", b""),
        (&analytics, "GET", "/signups?by=source", b""),
        (&analytics, "GET", range, b""),
    ];
    for (app, method, path, body) in requests {
        ask(app, method, path, body).await;
        outbox.drain().await;
    }
    assert_eq!(*documents.found.lock().unwrap(), [""; 0]);
}

/// An automatic index on a time grows at one end, which holds the whole collection to a few hundred
/// writes a second.
#[test]
fn what_every_event_or_request_writes_to_has_no_index_but_those_declared() {
    for collection in [
        fanout_dedup::PROCESSED_EVENTS,
        fanout_outbox::EVENTS,
        fanout_outbox::OUTBOX_LEASES,
        fanout_processes::PROCESSES,
        fanout_processes::STEP_FENCES,
        fanout_web::IDEMPOTENCY_KEYS,
    ] {
        assert!(!collection.automatic_indexes, "{collection}");
        assert!(system::collections().contains(collection), "{collection}");
    }
}

#[test]
fn an_index_of_one_field_rises_since_terraform_makes_no_other_of_these() {
    for collection in system::collections() {
        let of_one = collection.indexes.iter().filter(|index| index.len() == 1);
        for by in of_one.copied().flatten() {
            assert_eq!(by.direction, Direction::Ascending, "{collection}: {by:?}");
        }
    }
}
