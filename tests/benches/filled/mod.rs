//! A data directory as it is after many sign-ups: one user's documents, made by the system itself,
//! written again under other ids and at other times.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::TimeDelta;
use fanout_runtime::{IdGenerator, SystemClock, SystemIds};
use fanout_store::{
    Collection, Document, Documents, Fields, Key, Query, Value, Write, all_documents,
};
use fanout_store_sqlite::{Database, SqliteDocuments};
use reqwest::Client;
use serde_json::{Value as Json, json};

use super::running::Up;

/// What a user leaves behind.
const ALL: &[&Collection] = &[
    user_service::USERS,
    user_service::USER_EMAILS,
    fanout_outbox::EVENTS,
    fanout_dedup::PROCESSED_EVENTS,
    crm_service::CONTACTS,
    email_service::EMAILS,
    email_service::EMAIL_RECIPIENTS,
];
/// Events of each user: the sign-up, and two changes of name.
pub(crate) const EVENTS_PER_USER: usize = 3;
/// Marks of them: the CRM service reacts to all, mail and analytics to the first.
const MARKS_PER_USER: usize = EVENTS_PER_USER + 2;
/// How many users are written in one commit.
const AT_ONCE: usize = 25;
const ADDRESS: &str = "template@example.com";

/// The folder with the data of so many users; kept for the next time.
pub(crate) async fn filled(binaries: &Path, users: usize) -> PathBuf {
    let data = binaries.join(format!("how-it-grows-{users}"));
    if data.join("filled").exists() {
        return data;
    }
    let _ = std::fs::remove_dir_all(&data);
    let template = template(binaries, &data).await;
    let database = Database::open(&data.join("fanout.db")).unwrap();
    let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
    let documents = documents.unwrap();
    for first in (1..users).step_by(AT_ONCE) {
        let numbers = first..users.min(first + AT_ONCE);
        let writes = numbers.flat_map(|number| template.user(number, users));
        documents.commit(writes.collect()).await.unwrap();
    }
    std::fs::write(data.join("filled"), "").unwrap();
    data
}

struct Template {
    documents: Vec<Document>,
    /// Identifiers and texts that are another user's own.
    own: Vec<String>,
}

/// One user's documents, once all that follows from the sign-up is there.
async fn template(binaries: &Path, data: &Path) -> Template {
    let up = Up::start_in(data, binaries, &[]);
    let (client, url) = (Client::new(), format!("{}/users", up.url("user")));
    let body = json!({"email": ADDRESS, "name": "Template"});
    let created = client.post(&url).json(&body).send().await.unwrap();
    let created: Json = created.json().await.unwrap();
    let id = created["id"].as_str().unwrap().to_owned();
    for change in 1..EVENTS_PER_USER {
        let name = json!({"name": format!("Template {change}")});
        let changed = client.patch(format!("{url}/{id}")).json(&name);
        assert_eq!(changed.send().await.unwrap().status(), 200);
    }
    let database = Database::open_to_read(&data.join("fanout.db")).unwrap();
    let reader = SqliteDocuments::reading(database, Arc::new(SystemClock));
    loop {
        let marks = all_documents(&reader, Query::of(fanout_dedup::PROCESSED_EVENTS));
        let marks = marks.await.unwrap();
        // A mark says its state until it is done.
        let done = |mark: &&Document| mark.fields.get("state").is_none();
        let waiting = Query::of(fanout_outbox::EVENTS);
        let waiting = all_documents(&reader, waiting).await.unwrap();
        let waits = |row: &Document| row.fields.get("waiting").is_some();
        if marks.iter().filter(done).count() >= MARKS_PER_USER && !waiting.iter().any(waits) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    drop(up);
    let mut documents = Vec::new();
    for collection in ALL {
        let all = all_documents(&reader, Query::of(collection)).await;
        documents.extend(all.unwrap());
    }
    let mut own = vec![id, ADDRESS.to_owned()];
    for document in &documents {
        if document.key.is_in(fanout_outbox::EVENTS) {
            own.push(document.key.id().to_owned());
            own.push(document.fields.text("correlation_id").unwrap().to_owned());
        }
    }
    Template { documents, own }
}

impl Template {
    /// The same documents for another user, one of so many, who signed up some time before.
    fn user(&self, number: usize, users: usize) -> Vec<Write> {
        let earlier = TimeDelta::milliseconds(10 * (users - number) as i64);
        let others: Vec<(&str, String)> = self
            .own
            .iter()
            .map(|text| (text.as_str(), another(text, number)))
            .collect();
        let write = |document: &Document| {
            let id = text_of(document.key.id(), &others);
            let id = if id == document.key.id() {
                digest_like(&id)
            } else {
                id
            };
            let key = Key::stored(document.key.declared(), id);
            Write::set(key, fields_of(&document.fields, &others, earlier))
        };
        self.documents.iter().map(write).collect()
    }
}

fn another(text: &str, number: usize) -> String {
    match text.split_once('_') {
        Some((prefix, _)) => SystemIds.new_id(prefix),
        None => format!("filled-{number}@example.com"),
    }
}

/// The same consumer, or none, before another digest.
fn digest_like(id: &str) -> String {
    let prefix = id.rfind(':').map_or("", |at| &id[..=at]);
    let random = || SystemIds.new_id("x").to_lowercase();
    let digits = format!("{}{}{}", random(), random(), random());
    format!("{prefix}{}", &digits[..64])
}

fn text_of(text: &str, others: &[(&str, String)]) -> String {
    let replace = |text: String, (own, other): &(&str, String)| text.replace(own, other);
    others.iter().fold(text.to_owned(), replace)
}

fn fields_of(fields: &Fields, others: &[(&str, String)], earlier: TimeDelta) -> Fields {
    let field = |(name, value): (&str, &Value)| (name.to_owned(), value_of(value, others, earlier));
    fields.iter().map(field).collect()
}

fn value_of(value: &Value, others: &[(&str, String)], earlier: TimeDelta) -> Value {
    match value {
        Value::Text(text) => Value::Text(text_of(text, others)),
        Value::Timestamp(time) => Value::Timestamp(*time - earlier),
        Value::Map(fields) => Value::Map(fields_of(fields, others, earlier)),
        Value::Array(items) => {
            let items = items.iter().map(|item| value_of(item, others, earlier));
            Value::Array(items.collect())
        }
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Double(_)
        | Value::Foreign(_) => value.clone(),
    }
}
