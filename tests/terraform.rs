//! Terraform provisions what the code needs, under the code's names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use analytics_service::Shards;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use fanout::consumers::CONSUMERS;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_outbox::Outbox;
use fanout_runtime::{SystemClock, SystemIds, Timings};
use fanout_store::{
    CommitError, CommitReceipt, Comparison, Direction, Document, Documents, Key, Page, Query,
    StoreError, Write,
};
use fanout_store_sqlite::{Database, SqliteDocuments};
use http::Request;
use tower::ServiceExt;

use crate::support::{consumer_deps, envelope_around};

/// Notes each query that Firestore answers from a composite index only: its collection, and its
/// fields with their directions.
struct IndexNeeds {
    documents: SqliteDocuments,
    needed: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl Documents for IndexNeeds {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.documents.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let equal = query
            .filters
            .iter()
            .filter(|filter| filter.comparison == Comparison::Equal);
        // Equality is answered from an index in either direction; ours are written ascending.
        let mut fields: Vec<String> = equal
            .map(|filter| format!("{} ASCENDING", filter.field))
            .collect();
        let order = query.full_order();
        fields.extend(order.iter().map(|by| {
            let direction = match by.direction {
                Direction::Ascending => "ASCENDING",
                Direction::Descending => "DESCENDING",
            };
            format!("{} {direction}", by.field)
        }));
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

/// `collection: field DIRECTION, field DIRECTION` of each index in the table of `terraform/firestore.tf`.
fn indexes_in_terraform() -> BTreeSet<String> {
    let text = include_str!("../terraform/firestore.tf");
    let table = text.split("firestore_indexes = {").nth(1).unwrap();
    let table = table.split("firestore_expiring").next().unwrap();
    let quoted = |part: &str| part.split('"').nth(1).unwrap().to_owned();
    let index = |block: &str| {
        let field = |part: &str| {
            let direction = part.split("order = ").nth(1).unwrap();
            format!("{} {}", quoted(part), quoted(direction))
        };
        let fields: Vec<String> = block.split("field = ").skip(1).map(field).collect();
        format!("{}: {}", quoted(block), fields.join(", "))
    };
    table.split("collection = ").skip(1).map(index).collect()
}

async fn ask(app: &Router, method: &str, path: &str, body: &[u8]) {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json");
    let request = request.body(Body::from(body.to_vec())).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
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
    let deps = consumer_deps(documents.clone(), Arc::new(Down));
    let emails = email_service::app(email_service::EmailServiceDeps {
        mailer: Arc::new(fanout_mail::EmlMailer::new(data.path())),
        letterhead: fanout_mail::Letterhead::of("a@example.com".parse().unwrap()),
        consumer: deps.clone(),
    });
    let crm = crm_service::app(deps.clone());
    let analytics = analytics_service::app(deps);
    let sign_up = br#"{"email": "a@example.com", "name": "A"}"#;
    let hand_typed =
        br#"{"userId": "u", "email": "a@example.com", "name": "A", "event": "user.created"}"#;
    let push = envelope_around(hand_typed, 1);
    let deleted = include_bytes!("../shared/contracts/golden/user.deleted/1.0.json");
    let deletion = envelope_around(deleted, 1);
    let range = "/signups?from=2026-11-01&to=2026-11-30";
    // Whatever lists, queries or handles an event; a new route or parameter is a new line.
    let requests: [(&Router, &str, &str, &[u8]); 12] = [
        (&users, "POST", "/users", sign_up),
        (&users, "POST", "/outbox/relay", b""),
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
fn terraform_deploys_the_consumers_of_the_table() {
    let in_terraform = consumers_in_terraform();
    let in_the_table: BTreeSet<&str> = CONSUMERS.iter().map(|consumer| consumer.name).collect();
    assert!(
        in_terraform.keys().eq(in_the_table.iter()),
        "{in_terraform:?}"
    );
}

#[test]
fn the_number_of_shards_in_terraform_is_one_that_starts() {
    let in_terraform = consumers_in_terraform();
    let shards = quoted_after(&in_terraform["analytics"], "SIGNUP_SHARDS = ", '}');
    assert_eq!(shards, ["16"]);
    assert_eq!(shards[0].parse(), Ok(Shards::default()));
}

/// The number that follows `name` in a line of a Terraform file: what `name = optional(number, 60)`
/// or `name = 60` says.
fn number_in(text: &str, name: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    let (_, value) = lines
        .find(|(left, _)| left.trim() == name)
        .unwrap_or_else(|| panic!("Terraform does not say {name}"));
    let value = value.replace("optional(number,", "").replace(')', "");
    value.trim().parse().unwrap()
}

#[test]
fn terraform_and_the_code_say_the_same_numbers_of_delivery() {
    let system = include_str!("../terraform/variables-system.tf");
    let locals = include_str!("../terraform/locals.tf");
    let code = Timings::PRODUCTION;
    let days = |duration: Duration| duration.as_secs() / (24 * 60 * 60);
    let numbers = [
        (system, "ack_deadline_seconds", code.ack_deadline.as_secs()),
        (
            system,
            "handler_budget_seconds",
            code.handler_budget.as_secs(),
        ),
        (system, "lease_seconds", code.lease.as_secs()),
        (system, "retention_days", days(code.retention)),
        (
            system,
            "dead_letter_retention_days",
            days(code.dead_letter_retention),
        ),
        (locals, "mark_retention_days", days(code.mark_lifetime)),
    ];
    for (file, name, expected) in numbers {
        assert_eq!(number_in(file, name), expected, "{name}");
    }
}
