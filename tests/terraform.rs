//! Terraform provisions what the code needs, under the code's names.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use fanout::consumers::CONSUMERS;
use fanout_messaging::outbox::Outbox;
use fanout_messaging::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_runtime::{SystemClock, SystemIds};
use fanout_store::sqlite::{Database, SqliteDocuments};
use fanout_store::{
    CommitError, CommitReceipt, Comparison, Document, Documents, Key, Page, Query, StoreError,
    Write,
};
use http::Request;
use serde_json::json;
use tower::ServiceExt;

use crate::support::consumer_deps;

/// Notes each query that Firestore answers from a composite index only: its collection and fields.
struct IndexNeeds {
    documents: SqliteDocuments,
    needed: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl Documents for IndexNeeds {
    async fn get(&self, key: &Key) -> Result<Option<Document>, StoreError> {
        self.documents.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let equal = query
            .filters
            .iter()
            .filter(|filter| filter.comparison == Comparison::Equal);
        let mut fields: Vec<&str> = equal.map(|filter| filter.field).collect();
        let order = query.full_order();
        fields.extend(order.iter().map(|by| by.field));
        // Equality alone, or one order alone, is answered from the automatic indexes.
        if !order.is_empty() && fields.len() > 1 {
            let need = format!("{}: {}", query.collection, fields.join(", "));
            self.needed.lock().unwrap().insert(need);
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

/// `collection: field, field` of each index in the table of `terraform/firestore.tf`.
fn indexes_in_terraform() -> BTreeSet<String> {
    let text = include_str!("../terraform/firestore.tf");
    let table = text.split("firestore_indexes = {").nth(1).unwrap();
    let table = table.split("firestore_expiring").next().unwrap();
    let quoted = |part: &str| part.split('"').nth(1).unwrap().to_owned();
    let index = |block: &str| {
        let fields: Vec<String> = block.split("field = ").skip(1).map(quoted).collect();
        format!("{}: {}", quoted(block), fields.join(", "))
    };
    table.split("collection = ").skip(1).map(index).collect()
}

#[tokio::test]
async fn every_composite_index_that_a_query_needs_is_in_terraform_and_no_other() {
    let data = tempfile::tempdir().unwrap();
    let database = Database::open(&data.path().join("db")).unwrap();
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let documents = Arc::new(IndexNeeds {
        documents: SqliteDocuments::open(database, clock.clone())
            .await
            .unwrap(),
        needed: Mutex::default(),
    });
    let topic = "user-events".to_owned();
    let outbox = Outbox::new(
        documents.clone(),
        Arc::new(Down),
        clock.clone(),
        ids.clone(),
        topic,
    );
    let users = user_service::app(user_service::UserServiceDeps {
        documents: documents.clone(),
        outbox: outbox.clone(),
        clock: clock.clone(),
        ids,
    });
    let deps = consumer_deps(documents.clone(), Arc::new(Down));
    let emails = email_service::app(email_service::EmailServiceDeps {
        mailer: Arc::new(email_service::EmlMailer::new(data.path())),
        letterhead: email_service::Letterhead::of("a@example.com".parse().unwrap()),
        consumer: deps.clone(),
    });
    let sign_up = Request::post("/users")
        .header("content-type", "application/json")
        .body(Body::from(
            json!({"email": "a@example.com", "name": "A"}).to_string(),
        ));
    let requests = [
        (&users, sign_up.unwrap()),
        (
            &users,
            Request::post("/outbox/relay").body(Body::empty()).unwrap(),
        ),
        (
            &emails,
            Request::get("/emails?user_id=u")
                .body(Body::empty())
                .unwrap(),
        ),
        (
            &analytics_service::app(deps),
            Request::get("/signups").body(Body::empty()).unwrap(),
        ),
    ];
    for (app, request) in requests {
        let answer = app.clone().oneshot(request).await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        outbox.drain().await;
    }
    let needed = documents.needed.lock().unwrap().clone();
    assert_eq!(needed, indexes_in_terraform());
}

#[test]
fn every_consumer_is_in_terraform_with_the_types_that_it_handles() {
    let text = include_str!("../terraform/variables-system.tf");
    for consumer in &CONSUMERS {
        let entry = text.split(&format!("    {} ", consumer.name)).nth(1);
        let types = entry.and_then(|entry| entry.split("event_types = [").nth(1));
        let types = types
            .and_then(|types| types.split(']').next())
            .unwrap_or_default();
        let types: Vec<&str> = types
            .split(',')
            .map(|name| name.trim().trim_matches('"'))
            .collect();
        assert_eq!(types, consumer.handles, "{}", consumer.name);
    }
}
