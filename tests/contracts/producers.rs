//! What services really publish is what their schemas say, and what CloudEvents' own SDK reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::SecondsFormat;
use cloudevents::binding::http::to_event;
use cloudevents::{AttributesReader, Data};
use fanout_bus::OutgoingMessage;
use fanout_contracts::released;
use fanout_events::{PersonName, Received, decode};
use fanout_outbox::{EVENTS, EventRow};
use fanout_runtime::SystemClock;
use fanout_store::{Query, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use serde_json::{Value, json};

use super::message;
use crate::support::{TestSystem, eventually, get_json};
use crate::user_service::Service;

/// The messages of a user's whole life.
async fn published() -> Vec<OutgoingMessage> {
    let service = Service::new().await;
    let id = service.new_user("Zoë.Test@exämple.com").await;
    service
        .patch(&id, &json!({"name": "李 Another-Name"}))
        .await;
    service.delete(&id).await;
    service.bus.messages()
}

/// What an order leaves behind whose participants react to each other, and which is called off.
async fn published_of_called_off() -> Vec<OutgoingMessage> {
    let system = TestSystem::shop_of("choreographed").await;
    let slow = json!({"user_id": 1, "product_id": 1, "quantity": 1, "price": 1, "payment_method": "tok_slow"});
    let order = system.place(&slow).await;
    post(
        &system,
        "order",
        &format!("/orders/{order}/cancel"),
        &json!({}),
    )
    .await;
    system.ended(&order).await;
    stored_by(system).await
}

/// What every service has published, once everything was tried, good and bad.
async fn published_by_all() -> Vec<OutgoingMessage> {
    let mut all = published_of_called_off().await;
    all.extend(published_by_everyone().await);
    all
}

async fn published_by_everyone() -> Vec<OutgoingMessage> {
    let system = TestSystem::of_all_systems().await;
    for order in ORDERS {
        let order = system.place(&serde_json::from_str(order).unwrap()).await;
        system.ended(&order).await;
    }
    let silent = json!({"user_id": 1, "product_id": 1, "quantity": 1, "price": 1, "payment_method": "tok_silent"});
    let silent = system.place(&silent).await;
    let abandon = format!("/processes/order/{silent}/abandon");
    post(&system, "order", &abandon, &json!({"reason": "of no use"})).await;
    move_money(&system).await;
    follow_and_post(&system).await;
    let user = system.sign_up("ada@example.com").await;
    let user = system.url("user", &format!("/users/{user}"));
    let change = system.client.patch(&user).json(&json!({"name": "Another"}));
    assert_eq!(change.send().await.unwrap().status(), 200);
    assert_eq!(
        system.client.delete(&user).send().await.unwrap().status(),
        204
    );
    stored_by(system).await
}

/// The messages of all events that a system has stored; it is stopped.
async fn stored_by(system: TestSystem) -> Vec<OutgoingMessage> {
    let data = system.stop().await;
    let file = Database::open_to_read(&data.path().join("fanout.db")).unwrap();
    let documents = SqliteDocuments::reading(file, Arc::new(SystemClock));
    let rows = all_documents(&documents, Query::of(EVENTS)).await.unwrap();
    let rows = rows.iter().map(|row| EventRow::from_document(row).unwrap());
    rows.map(|row| row.message()).collect()
}

/// One that is confirmed, and one that each service refuses.
const ORDERS: [&str; 4] = [
    r#"{"user_id": 1, "product_id": 1, "quantity": 2, "price": 999.99}"#,
    r#"{"user_id": 1, "product_id": "none", "quantity": 1, "price": "1"}"#,
    r#"{"user_id": 1, "product_id": 1, "quantity": 1, "price": 1, "payment_method": "tok_declined"}"#,
    r#"{"user_id": 1, "product_id": 1, "quantity": 1, "price": 1, "ship_to": {"country": "ZZ"}}"#,
];

async fn post(system: &TestSystem, service: &str, path: &str, body: &Value) -> Value {
    let request = system.client.post(system.url(service, path)).json(body);
    let answer = request.send().await.unwrap();
    let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert!(status.is_success(), "{path}: {body}");
    body
}

/// Every kind of event that an account can have.
async fn move_money(system: &TestSystem) {
    let mut accounts = Vec::new();
    for owner in ["ada", "bob"] {
        let account = json!({"owner": owner, "currency": "EUR"});
        let opened = post(system, "account", "/accounts", &account).await;
        accounts.push(opened["id"].as_str().unwrap().to_owned());
    }
    let on = |call: &str| format!("/accounts/{}/{call}", accounts[0]);
    let all = json!({"amount": "10.50", "effective_at": "2026-01-31T00:00:00Z"});
    post(system, "account", &on("deposits"), &all).await;
    post(system, "account", &on("reversals"), &json!({"sequence": 2})).await;
    post(system, "account", &on("deposits"), &all).await;
    post(
        system,
        "account",
        &on("withdrawals"),
        &json!({"amount": 0.5}),
    )
    .await;
    let rest = json!({"from": accounts[0], "to": accounts[1], "amount": "10"});
    post(system, "account", "/transfers", &rest).await;
    post(system, "account", &on("close"), &json!({})).await;
}

/// Every kind of event that posts and their readers can have.
async fn follow_and_post(system: &TestSystem) {
    let no_content = async |request: reqwest::RequestBuilder| {
        assert_eq!(request.send().await.unwrap().status(), 204);
    };
    let following = system.url("post", "/users/ada/following/bob");
    no_content(system.client.put(&following)).await;
    let content = json!({"author_id": "bob", "content": "To be #seen"});
    let written = post(system, "post", "/posts", &content).await;
    let feed = system.url("feed", "/feeds/ada");
    eventually("the post in the feed", || async {
        let (_, feed) = get_json(&system.client, &feed).await;
        (feed["items"][0]["post_id"] == written["id"]).then_some(())
    })
    .await;
    let written = format!("/posts/{}", written["id"].as_str().unwrap());
    no_content(system.client.delete(system.url("post", &written))).await;
    no_content(system.client.delete(&following)).await;
}

#[tokio::test]
async fn what_is_published_is_what_its_writers_schema_says() {
    let mut types = BTreeSet::new();
    for message in published_by_all().await {
        let event: Value = serde_json::from_slice(&message.data).unwrap();
        let event_type = event["type"].as_str().unwrap();
        let version = event["metadata"]["version"].as_str().unwrap();
        let schema = serde_json::from_str(released(event_type, version).unwrap().writer).unwrap();
        let person_name = |text: &str| PersonName::parse(text).is_ok();
        let options = jsonschema::options().with_format("person-name", person_name);
        let validator = options
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        let errors = validator.iter_errors(&event["data"]);
        let errors: Vec<_> = errors.map(|it| it.to_string()).collect();
        assert_eq!(errors, [""; 0], "{event}");
        types.insert(event_type.to_owned());
    }
    let domains = fanout_contracts::DOMAINS.iter();
    let all = domains.flat_map(|domain| domain.types.iter().map(|it| it.name.to_owned()));
    assert_eq!(types, all.collect(), "each type that services publish");
}

/// An unwrapped push is an HTTP request in binary mode.
#[tokio::test]
async fn the_official_sdk_reads_what_is_published_in_binary_mode() {
    for published in published().await {
        let pushed = message(&published.data, &published.attributes, "17");
        let read = to_event(&pushed.to_headers(true), pushed.data.to_vec()).unwrap();
        let received = Received {
            data: &pushed.data,
            message_id: "17",
            publish_time: pushed.publish_time,
        };
        let event = decode(&received).unwrap().event;
        assert_eq!(read.id(), event.id);
        assert_eq!(read.ty(), event.event_type);
        assert_eq!(read.source().as_str(), event.source);
        assert_eq!(read.subject(), Some(event.subject.as_str()));
        let time = read
            .time()
            .unwrap()
            .to_rfc3339_opts(SecondsFormat::Millis, true);
        assert_eq!(
            time,
            event.timestamp.to_rfc3339_opts(SecondsFormat::Millis, true)
        );
        assert_eq!(
            read.dataschema().map(AsRef::as_ref),
            event.metadata.schema.as_deref()
        );
        assert_eq!(read.datacontenttype(), Some("application/json"));
        assert!(
            matches!(read.data(), Some(Data::Binary(data)) if *data == pushed.data)
                || matches!(read.data(), Some(Data::Json(_)))
        );
    }
}
