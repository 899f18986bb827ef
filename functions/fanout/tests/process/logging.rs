//! What the pages say of log lines is what a whole system really writes.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

use fanout_runtime::{Clock as _, SystemClock};
use fanout_store::{Documents as _, Fields, Key, Query, Write, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use serde_json::{Value, json};

use crate::pages::{code, files, page, rows};
use crate::running::{Running, fanout, wait_until};

/// What Cloud Logging lifts out of `jsonPayload`.
const LIFTED: [&str; 6] = [
    "time",
    "severity",
    "httpRequest",
    "logging.googleapis.com/trace",
    "logging.googleapis.com/spanId",
    "logging.googleapis.com/trace_sampled",
];

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Spoils the data of a system that does not run: a row of the outbox that waits and cannot be read,
/// and no event any more of what was posted.
fn spoil(data: &std::path::Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = Database::open(&data.join("fanout.db")).unwrap();
        let documents = SqliteDocuments::open(database, Arc::new(SystemClock));
        let documents = documents.await.unwrap();
        let key = Key::new(fanout_outbox::EVENTS, "evt_unreadable");
        let fields = Fields::new()
            .with("waiting", 0_u64)
            .with("recorded_at", SystemClock.now());
        let mut writes = vec![Write::create(key, fields)];
        let events = all_documents(&documents, Query::of(fanout_outbox::EVENTS)).await;
        let events = events.unwrap().into_iter();
        let posted = events.filter(|it| it.fields.text("type").unwrap().starts_with("post."));
        writes.extend(posted.map(|it| Write::delete(it.key)));
        assert!(writes.len() > 1);
        documents.commit(writes).await.unwrap();
    });
}

fn post_to_a_follower(running: &Running) {
    let following = "/users/ada/following/bob";
    assert_eq!(running.call("PUT", "post", following, &json!({})), 204);
    let post = json!({"author_id": "bob", "content": "secret words"});
    assert_eq!(running.post("post", "/posts", &post).0, 201);
    wait_until("the post in a feed", || {
        let (_, feed) = running.get("feed", "/feeds/ada");
        feed["items"][0]["author_id"] == "bob"
    });
}

fn topic(running: &Running, name: &str) -> String {
    running.url("pubsub", &format!("/v1/projects/any/topics/{name}"))
}

/// An order of which no part is answered, neither done nor undone.
fn a_process_gets_stuck(running: &mut Running) {
    let stock = "/v1/projects/any/subscriptions/inventory-events-inventory";
    assert_eq!(running.call("DELETE", "pubsub", stock, &json!({})), 200);
    let order = json!({"user_id": 123, "product_id": 1, "quantity": 1, "price": 10});
    let (status, order) = running.post("order", "/orders", &order);
    assert_eq!(status, 202, "{order}");
    hear(running, "processes woken");
    hear(running, "process_stuck");
}

/// The command, writing JSON, with this mail server.
fn logging(data: &std::path::Path, mail_server: std::net::SocketAddr) -> Command {
    let mut command = fanout(data);
    command
        .args(["--all", "--log", "json", "--step-deadlines", "2000"])
        .args(["--min-backoff", "50ms", "--max-backoff", "100ms"])
        .env("SMTP_URL", format!("smtp://{mail_server}"))
        .env("MAIL_FROM", "Fanout <hello@example.com>");
    command
}

/// The machine fails while a mail is on its way.
fn fail_while_a_mail_is_sent(data: &std::path::Path) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut running = Running::of(logging(data, silent.local_addr().unwrap()));
    post_to_a_follower(&running);
    sign_up(&running, "secret1@example.com");
    let _connection = silent.accept().unwrap();
    running.kill_nine();
}

/// Waits for a line with this text, unless there was one.
fn hear(running: &mut Running, text: &str) {
    if !running.said().contains(text) {
        running.says(text);
    }
}

fn sign_up(running: &Running, email: &str) {
    let user = json!({"email": email, "name": "Secret Name"});
    assert_eq!(running.post("user", "/users", &user).0, 201);
}

/// Every line of a whole system to which all went wrong that an operator asks the logs about.
fn lines_of_a_bad_day() -> Vec<Value> {
    let data = tempfile::tempdir().unwrap();
    fail_while_a_mail_is_sent(data.path());
    spoil(data.path());
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let mut running = Running::of(logging(data.path(), refusing.unwrap()));
    hear(&mut running, "row cannot be read");
    hear(&mut running, "\"may_have_repeated\":true");
    hear(&mut running, "last delivery failed");
    sign_up(&running, "secret2@example.com");
    let garbage =
        json!({"messages": [{"data": "Z2FyYmFnZQ==", "attributes": {"traceparent": TRACE}}]});
    let publish = format!("{}:publish", topic(&running, "user-events"));
    assert!(crate::running::try_post(&publish, &garbage).is_some());
    hear(&mut running, "parked on the dead-letter topic");
    let not_a_push = running.call("POST", "crm", "/pubsub/push", &json!({}));
    assert_eq!(not_a_push, 400);
    a_process_gets_stuck(&mut running);
    let rebuild = running.post("feed", "/projections/feed/rebuild", &json!({}));
    assert_eq!(rebuild.0, 200, "{rebuild:?}");
    hear(&mut running, "lacks rows");
    let path = "/v1/projects/any/topics/user-events";
    assert_eq!(running.call("DELETE", "pubsub", path, &json!({})), 200);
    sign_up(&running, "secret3@example.com");
    hear(&mut running, "this subject is blocked");
    let (code, output) = running.interrupt();
    assert_eq!(code, Some(0), "{output}");
    assert!(!output.contains("secret"), "{output}");
    let lines = output.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The fields that queries in the pages and in Terraform ask for, with where.
fn asked_for() -> Vec<(String, String)> {
    let mut pages = vec!["README.md".to_owned(), "terraform/README.md".to_owned()];
    pages.extend(files("docs", ".md"));
    pages.extend(files("terraform", ".tf"));
    let asked = pages.into_iter().flat_map(|name| {
        let text = page(&name);
        let uses: Vec<String> = text
            .split("jsonPayload.")
            .skip(1)
            .map(|rest| {
                let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
                rest[..end.unwrap_or(rest.len())].to_owned()
            })
            .collect();
        // What Terraform puts together has no name here.
        let uses = uses.into_iter().filter(|field| !field.is_empty());
        uses.map(move |field| (field, name.clone()))
    });
    asked.collect()
}

#[test]
fn every_field_that_a_page_or_terraform_asks_for_is_written_and_every_written_one_explained() {
    let lines = lines_of_a_bad_day();
    let fields = lines
        .iter()
        .flat_map(|line| line.as_object().unwrap().keys());
    let written: BTreeSet<&str> = fields.map(String::as_str).collect();
    let asked = asked_for();
    assert!(asked.len() > 30, "{asked:?}");
    for (field, place) in asked {
        assert!(written.contains(field.as_str()), "{place}: {field}");
    }
    for lifted in LIFTED {
        assert!(written.contains(lifted), "{lifted}: {written:?}");
    }
    let logging = page("docs/LOGGING.md");
    let table = rows(&logging, "| field | what it says |");
    let explained: BTreeSet<&str> = table.iter().flat_map(|row| code(row[0])).collect();
    for field in written.iter().filter(|field| !LIFTED.contains(field)) {
        assert!(explained.contains(field), "{field}");
    }
    for line in lines.iter().filter(|line| line["severity"] == "ERROR") {
        assert!(line["@type"].is_string(), "{line}");
    }
    let by_a_sign_up = |line: &Value| {
        line["message"] == "published" && line["httpRequest"]["requestUrl"] == "/users"
    };
    assert!(lines.iter().any(by_a_sign_up));
    for line in lines.iter().filter(|line| line.get("outcome").is_some()) {
        assert_eq!(line["httpRequest"]["requestMethod"], "POST", "{line}");
    }
}
