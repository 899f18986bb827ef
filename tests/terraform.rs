//! Terraform provisions what the code needs, under the code's names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use analytics_service::Shards;
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
    let analytics = analytics_service::app(deps.clone());
    let contacts = crm_service::app(deps);
    let get = |path| Request::get(path).body(Body::empty()).unwrap();
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
        (&emails, get("/emails?user_id=u")),
        (&analytics, get("/signups")),
        (&analytics, get("/signups?by=source")),
        (&contacts, get("/contacts")),
    ];
    for (app, request) in requests {
        let answer = app.clone().oneshot(request).await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        outbox.drain().await;
    }
    let needed = documents.needed.lock().unwrap().clone();
    assert_eq!(needed, indexes_in_terraform());
}

/// The defaults of the map `consumers` in `terraform/variables-system.tf`: each entry's text, by name.
fn consumers_in_terraform() -> BTreeMap<&'static str, String> {
    let text = include_str!("../terraform/variables-system.tf");
    let variable = text.split("variable \"consumers\" {").nth(1).unwrap();
    let map = variable.split("  default = {\n").nth(1).unwrap();
    let map = map.split("\n  }\n").next().unwrap();
    let mut entries: BTreeMap<&str, String> = BTreeMap::new();
    let mut name = "";
    for line in map.lines() {
        // Entries are indented by four, what is in them by more.
        let starts = line
            .strip_prefix("    ")
            .filter(|it| !it.starts_with([' ', '}', '#']));
        if let Some((started, _)) = starts.and_then(|line| line.split_once(' ')) {
            name = started;
        }
        entries.entry(name).or_default().push_str(line);
    }
    entries
}

/// The texts between double quotes in what follows `start`, up to `end`.
fn quoted_after<'a>(text: &'a str, start: &str, end: char) -> Vec<&'a str> {
    let rest = text.split(start).nth(1).unwrap_or_default();
    let list = rest.split(end).next().unwrap_or_default();
    list.split('"').skip(1).step_by(2).collect()
}

#[test]
fn terraform_deploys_the_consumers_of_the_table_with_the_types_that_they_handle() {
    let in_terraform = consumers_in_terraform();
    let in_the_table: BTreeSet<&str> = CONSUMERS.iter().map(|consumer| consumer.name).collect();
    assert!(
        in_terraform.keys().eq(in_the_table.iter()),
        "{in_terraform:?}"
    );
    for consumer in CONSUMERS {
        let types = quoted_after(&in_terraform[consumer.name], "event_types = [", ']');
        assert_eq!(types, consumer.handles, "{}", consumer.name);
    }
}

/// Terraform writes filters by a rule of its own; what the rule makes of each consumer is in its
/// test, and must be what the code's rule makes.
#[test]
fn terraform_gives_each_subscription_the_filter_of_the_table() {
    let tests = include_str!("../terraform/tests/consumers.tftest.hcl");
    let rule = include_str!("../terraform/modules/event-topic/topic.tf");
    assert!(
        rule.contains(r#"attributes.\"ce-type\" = "#),
        "the rule is elsewhere"
    );
    let tested = ["analytics", "crm", "email"];
    for consumer in CONSUMERS.iter().filter(|it| tested.contains(&it.name)) {
        let filter = consumer.filter().replace('"', "\\\"");
        let line = tests.lines().find(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(consumer.name) && line.contains("ce-type")
        });
        let line = line.unwrap_or_default();
        assert!(
            line.ends_with(&format!("= \"{filter}\"")),
            "{line}\n{filter}"
        );
    }
}

#[test]
fn the_number_of_shards_in_terraform_is_one_that_starts() {
    let in_terraform = consumers_in_terraform();
    let shards = quoted_after(&in_terraform["analytics"], "SIGNUP_SHARDS = ", '}');
    assert_eq!(shards, ["16"]);
    assert_eq!(shards[0].parse(), Ok(Shards::default()));
}
