//! Whatever field of a message holds an address: no log, no dead-letter attribute of ours and no
//! document id does.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{LoneConsumer, captured_logs};

/// An address that must never show up.
const SECRET: &str = "secret.person@example.com";

/// What all tests here look for.
const PART: &str = "secret.person";

/// A push of `event` under this message id.
fn push_of(event: &Value, message_id: usize) -> Value {
    json!({
        "message": {
            "data": STANDARD.encode(event.to_string()),
            "messageId": message_id.to_string(),
            "publishTime": "2026-11-20T12:00:00Z",
            "attributes": {},
        },
        "subscription": "projects/test/subscriptions/test",
        "deliveryAttempt": 1,
    })
}

/// A `user.created` of a user of its own.
fn created(number: usize) -> Value {
    let golden = include_str!("../shared/contracts/user/golden/user.created/1.0/event.json");
    let mut event: Value = serde_json::from_str(golden).unwrap();
    event["id"] = format!("evt_{number}").into();
    event["subject"] = format!("usr_{number}").into();
    event["data"]["user_id"] = event["subject"].clone();
    event
}

/// Delivers, and looks for the address in the log, in what the pipeline notes on a dead letter, and
/// in all of its attributes unless the publisher put it there. Gives the outcome and the reason.
async fn deliver(consumer: &LoneConsumer, push: &Value) -> (String, String) {
    let request = Request::post("/pubsub/push")
        .header("content-type", "application/json")
        .body(Body::from(push.to_string()));
    let delivered = consumer.app.clone().oneshot(request.unwrap());
    let (response, logs) = captured_logs(delivered).await;
    assert!(!logs.contains(PART), "{logs}");
    let line: Value = serde_json::from_str(&logs).unwrap();
    let theirs = push["message"]["attributes"].to_string().contains(PART);
    for letter in consumer.dead_letters().await {
        for (name, value) in letter.message.attributes {
            let ours = name.starts_with("dead-letter-") || !theirs;
            assert!(!(ours && value.contains(PART)), "{name}: {value}");
        }
    }
    let response = response.unwrap();
    let outcome = response.headers().get("x-outcome").map(|it| it.to_str());
    let outcome = outcome.map_or("refused", Result::unwrap).to_owned();
    (outcome, line["reason"].as_str().unwrap_or("").to_owned())
}

fn assert_no_document_is_named_after_it(consumer: &LoneConsumer) {
    let keys = consumer.documents.written_keys();
    assert!(!keys.is_empty());
    for key in keys {
        assert!(!key.to_string().contains(PART), "{key}");
    }
}

#[tokio::test]
async fn an_address_in_any_field_of_an_event_stays_there() {
    let fields = [
        ("/id", "parked"),
        ("/type", "parked"),
        ("/source", "parked"),
        ("/subject", "parked"),
        ("/sequence", "parked"),
        ("/timestamp", "parked"),
        ("/correlation_id", "done"),
        ("/causation_id", "done"),
        ("/data", "parked"),
        ("/data/user_id", "parked"),
        ("/data/email", "done"),
        ("/data/name", "done"),
        ("/metadata", "parked"),
        ("/metadata/version", "parked"),
        ("/metadata/schema", "done"),
    ];
    for consumer in LoneConsumer::each().await {
        for (number, (field, expected)) in fields.iter().enumerate() {
            let mut event = created(number);
            *event.pointer_mut(field).unwrap() = SECRET.into();
            let (outcome, reason) = deliver(&consumer, &push_of(&event, number)).await;
            assert_eq!(outcome, *expected, "{} {field}", consumer.name);
            let expected = if outcome == "parked" { "invalid" } else { "" };
            assert_eq!(reason, expected, "{} {field}", consumer.name);
        }
        assert_no_document_is_named_after_it(&consumer);
    }
}

#[tokio::test]
async fn an_address_in_any_field_of_the_short_form_stays_there() {
    let fields = [
        ("userId", "parked"),
        ("event", "parked"),
        ("email", "done"),
        ("name", "done"),
    ];
    for consumer in LoneConsumer::each().await {
        for (number, (field, expected)) in fields.iter().enumerate() {
            let mut typed = json!({"userId": format!("test-{number}"), "email": "ada@example.com", "name": "Ada", "event": "user.created"});
            typed[*field] = SECRET.into();
            let (outcome, _) = deliver(&consumer, &push_of(&typed, number)).await;
            assert_eq!(outcome, *expected, "{} {field}", consumer.name);
        }
        assert_no_document_is_named_after_it(&consumer);
    }
}

#[tokio::test]
async fn an_address_in_any_field_of_the_push_stays_there() {
    let fields = [
        ("/subscription", "done"),
        ("/deliveryAttempt", "refused"),
        ("/message/messageId", "refused"),
        ("/message/publishTime", "refused"),
        ("/message/data", "refused"),
        ("/message/attributes", "refused"),
    ];
    for consumer in LoneConsumer::each().await {
        for (number, (field, expected)) in fields.iter().enumerate() {
            let mut push = push_of(&created(number), number);
            *push.pointer_mut(field).unwrap() = SECRET.into();
            let (outcome, _) = deliver(&consumer, &push).await;
            assert_eq!(outcome, *expected, "{} {field}", consumer.name);
        }
        assert_no_document_is_named_after_it(&consumer);
    }
}

/// Nothing of them is read but the trace, and that only where it is one.
#[tokio::test]
async fn an_address_in_any_attribute_stays_there() {
    let names = [
        "ce-id",
        "ce-type",
        "ce-source",
        "ce-subject",
        "ce-time",
        "ce-dataschema",
        "correlation_id",
        "traceparent",
        "anything",
    ];
    for consumer in LoneConsumer::each().await {
        for (number, name) in names.iter().enumerate() {
            let mut push = push_of(&created(number), number);
            push["message"]["attributes"][*name] = SECRET.into();
            push["message"]["orderingKey"] = SECRET.into();
            let (outcome, _) = deliver(&consumer, &push).await;
            assert_eq!(outcome, "done", "{} {name}", consumer.name);
            let mut event = created(number);
            event["id"] = SECRET.into();
            let mut parked = push_of(&event, 100 + number);
            parked["message"]["attributes"] = push["message"]["attributes"].clone();
            let (outcome, _) = deliver(&consumer, &parked).await;
            assert_eq!(outcome, "parked", "{} {name}", consumer.name);
        }
        assert_no_document_is_named_after_it(&consumer);
    }
}
