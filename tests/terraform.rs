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
use fanout_outbox::{EVENTS_KEPT, Outbox};
use fanout_runtime::{SystemClock, SystemIds, Timings};
use fanout_store::{
    Collection, CommitError, CommitReceipt, Comparison, Direction, Document, Documents, Key, Order,
    Page, Query, StoreError, Write, ascending,
};
use fanout_store_sqlite::{Database, SqliteDocuments};
use http::Request;
use tower::ServiceExt;

use crate::support::{consumer_deps, envelope_around};

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
    assert_eq!(*documents.found.lock().unwrap(), [""; 0]);
}

const COLLECTIONS: [&Collection; 12] = [
    fanout_dedup::PROCESSED_EVENTS,
    fanout_outbox::EVENTS,
    fanout_outbox::OUTBOX_CURSORS,
    fanout_outbox::OUTBOX_LEASES,
    user_service::IDEMPOTENCY_KEYS,
    user_service::USERS,
    user_service::USER_EMAILS,
    email_service::EMAILS,
    email_service::EMAIL_RECIPIENTS,
    analytics_service::SIGNUPS,
    analytics_service::SIGNUPS_BY_SOURCE,
    crm_service::CONTACTS,
];

/// What Firestore has to be told of a collection.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    /// The fields of each index.
    indexes: BTreeSet<Vec<String>>,
    automatic_indexes: bool,
    expires_by: Option<String>,
}

impl Told {
    /// What the code declares; `None` if Firestore does it by itself.
    fn of(collection: &Collection) -> Option<Self> {
        let field = |by: &Order| {
            assert_eq!(by.direction, Direction::Ascending, "Terraform has no other");
            by.field.to_owned()
        };
        let indexes = collection.indexes.iter();
        let told = Self {
            indexes: indexes
                .map(|fields| fields.iter().map(field).collect())
                .collect(),
            automatic_indexes: collection.automatic_indexes,
            expires_by: collection.expires_by.map(str::to_owned),
        };
        let composite = told.indexes.iter().any(|fields| fields.len() > 1);
        let needed = composite || !told.automatic_indexes || told.expires_by.is_some();
        needed.then_some(told)
    }

    /// What an entry in Terraform's table says.
    fn read(entry: &str) -> Self {
        let bare: String = entry.split_whitespace().collect();
        let bare = bare.replace(",]", "]");
        let lists = bare.split_once("indexes=[[").and_then(|(_, rest)| {
            let (lists, _) = rest.split_once("]]")?;
            serde_json::from_str(&format!("[[{lists}]]")).ok()
        });
        Self {
            indexes: lists.unwrap_or_default(),
            automatic_indexes: !bare.contains("automatic_indexes=false"),
            expires_by: quoted_after(&bare, "expires_by=", '#')
                .first()
                .map(|field| (*field).to_owned()),
        }
    }
}

#[test]
fn terraform_tells_firestore_what_the_code_declares_of_its_collections() {
    let text = include_str!("../terraform/firestore.tf");
    let table = text.split("firestore_collections = {\n").nth(1).unwrap();
    let table = table.split("\n  }\n").next().unwrap();
    let in_terraform: BTreeMap<&str, Told> = table
        .split("\n    }")
        .filter_map(|entry| entry.split_once(" = {"))
        .map(|(name, entry)| (name.trim(), Told::read(entry)))
        .collect();
    let declared = COLLECTIONS.into_iter();
    let declared: BTreeMap<&str, Told> = declared
        .filter_map(|collection| Some((collection.name, Told::of(collection)?)))
        .collect();
    assert_eq!(in_terraform, declared);
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
    let variables = include_str!("../terraform/variables.tf");
    let (_, kept) = variables.split_once("\"event_store_ttl_days\"").unwrap();
    let code = Timings::PRODUCTION;
    let days = |duration: Duration| duration.as_secs() / (24 * 60 * 60);
    let numbers = [
        (kept, "default", days(EVENTS_KEPT)),
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
