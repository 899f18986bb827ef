//! The ways in which an event may come: of ours or of another producer, wrapped or not. It does the
//! same.

use std::collections::BTreeMap;

use fanout_contracts::{RELEASED, find};
use fanout_testkit::Instances;
use http::StatusCode;
use serde_json::{Value, json};

use super::{message, outcome, push, push_unwrapped};
use crate::support::{LoneConsumer, TestSystem, eventually, get_json};

fn attributes<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn data() -> Value {
    json!({"user_id": "usr_1", "email": "ada@example.com", "name": "Ada"})
}

fn binary(event_id: &str) -> BTreeMap<String, String> {
    attributes([
        ("ce-specversion", "1.0"),
        ("ce-id", event_id),
        ("ce-type", "user.created"),
        ("ce-source", "legacy"),
        ("ce-subject", "usr_1"),
        ("content-type", "application/json"),
    ])
}

fn structured(event_id: &str) -> Value {
    json!({
        "specversion": "1.0",
        "id": event_id,
        "type": "user.created",
        "source": "legacy",
        "subject": "usr_1",
        "data": data(),
    })
}

fn in_structured_mode() -> BTreeMap<String, String> {
    attributes([("content-type", "application/cloudevents+json")])
}

#[tokio::test]
async fn a_cloud_event_in_either_mode_and_in_either_push_is_handled_once() {
    for consumer in LoneConsumer::each_of("user.created").await {
        let text = data().to_string();
        let of_binary = message(text.as_bytes(), &binary("a-1"), "17");
        let text = structured("a-1").to_string();
        let of_structured = message(text.as_bytes(), &in_structured_mode(), "18");
        assert_eq!(
            push(&consumer, &of_binary).await,
            "done",
            "{}",
            consumer.name
        );
        assert_eq!(push(&consumer, &of_structured).await, "duplicate");
        assert_eq!(push_unwrapped(&consumer, &of_binary).await, "duplicate");
        assert_eq!(push_unwrapped(&consumer, &of_structured).await, "duplicate");
        assert!(consumer.dead_letters().await.is_empty());
    }
}

#[tokio::test]
async fn a_cloud_event_of_another_type_is_ignored_and_a_wrong_one_is_parked_with_its_path() {
    for consumer in LoneConsumer::each_of("user.created").await {
        let mut other = structured("a-1");
        other["type"] = json!("invoice.paid");
        let other = message(other.to_string().as_bytes(), &in_structured_mode(), "17");
        assert_eq!(
            push(&consumer, &other).await,
            "ignored",
            "no typing error: {}",
            consumer.name
        );
        let mut wrong = data();
        wrong["email"] = json!(17);
        let wrong = message(wrong.to_string().as_bytes(), &binary("a-2"), "18");
        assert_eq!(push_unwrapped(&consumer, &wrong).await, "parked");
        let mut unsupported = structured("a-3");
        unsupported["dataschema"] = json!("https://x.example.com/user-created/v9");
        let unsupported = message(
            unsupported.to_string().as_bytes(),
            &in_structured_mode(),
            "19",
        );
        assert_eq!(push(&consumer, &unsupported).await, "parked");
        let letters = consumer.dead_letters().await;
        let said: Vec<&str> = letters
            .iter()
            .map(|it| it.message.attributes["dead-letter-detail"].as_str())
            .collect();
        let path = "the event is not valid: data.email must be a string that is not empty";
        assert_eq!(said, [path, "version 9.0 of user.created is not supported"]);
        assert_eq!(
            letters[0].message.attributes["ce-id"], "a-2",
            "with its attributes"
        );
    }
}

#[tokio::test]
async fn an_unwrapped_push_may_have_any_content_type_and_needs_its_message_id() {
    let crm = LoneConsumer::crm().await;
    let golden =
        include_bytes!("../../shared/contracts/user/golden/user.created/0/short-form.json");
    let typed = message(golden, &BTreeMap::new(), "17");
    assert_eq!(push_unwrapped(&crm, &typed).await, "done");
    let request = http::Request::post("/pubsub/push/unwrapped").body(axum::body::Body::empty());
    let answer = outcome(&crm, request.unwrap()).await;
    assert_eq!(answer, StatusCode::BAD_REQUEST.to_string());
}

/// The third judge, through the whole pipeline: what any version may write is handled.
#[tokio::test]
async fn what_any_version_may_write_is_handled_by_every_consumer_of_its_type() {
    for (seed, version) in RELEASED.iter().enumerate() {
        let known = find(version.event_type).unwrap();
        let schema: Value = serde_json::from_str(version.writer).unwrap();
        for consumer in LoneConsumer::each_of(known.name).await {
            let mut instances = Instances::seeded(seed as u64);
            for number in 0..5 {
                let data = instances.of(&schema);
                let event = whole_event(known, version.version, number, &data);
                let message = message(
                    event.to_string().as_bytes(),
                    &BTreeMap::new(),
                    &number.to_string(),
                );
                let outcome = push(&consumer, &message).await;
                let handled = ["done", "stale", "deferred", "ignored"].contains(&outcome.as_str());
                assert!(
                    handled,
                    "{} of {}: {outcome}: {event}",
                    consumer.name, known.name
                );
            }
        }
    }
}

/// An event about the subject that its data names, whichever field that is.
fn whole_event(
    known: &fanout_events::KnownType,
    version: &str,
    number: usize,
    data: &Value,
) -> Value {
    let subjects = data.as_object().unwrap().values().filter_map(Value::as_str);
    let events = subjects.map(|subject| {
        json!({
            "id": format!("evt_{number}"),
            "type": known.name,
            "source": "test",
            "subject": subject,
            "sequence": 1,
            "timestamp": "2026-11-20T12:00:00Z",
            "correlation_id": "req_1",
            "causation_id": null,
            "data": data,
            "metadata": {"version": version, "schema": known.schema},
        })
    });
    let mut fitting = events.filter(|event| {
        let text = event.to_string();
        let received = fanout_events::Received {
            data: text.as_bytes(),
            message_id: "1",
            publish_time: Default::default(),
        };
        let decoded = fanout_events::decode(&received);
        decoded.and_then(|it| (known.check)(&it.event)).is_ok()
    });
    fitting
        .next()
        .unwrap_or_else(|| panic!("{}: {data}", known.name))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_broker_pushes_without_the_wrapper_where_it_is_asked_to() {
    let system = TestSystem::embedded().await;
    let crm = system.url("crm", "/pubsub/push/unwrapped");
    let bare = json!({
        "topic": "projects/any/topics/user-events",
        "pushConfig": {"pushEndpoint": crm, "noWrapper": {"writeMetadata": true}},
        "ackDeadlineSeconds": 30,
    });
    let path = system.url("pubsub", "/v1/projects/any/subscriptions/bare");
    let made = system.client.put(path).json(&bare).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::OK);
    // The wrapped subscription goes away, so that what comes has come unwrapped.
    let wrapped = system.url("pubsub", "/v1/projects/any/subscriptions/user-events-crm");
    let gone = system.client.delete(wrapped).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::OK);
    let user = system.sign_up("ada@example.com").await;
    let contact = eventually("the contact", || system.contact(&user)).await;
    assert_eq!(contact["source"], "user-service");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_that_an_event_names_is_served_where_the_setting_says() {
    let mut here = std::collections::HashMap::new();
    here.insert(
        "SCHEMAS_URL".to_owned(),
        "http://schemas.test:8080".to_owned(),
    );
    let system = TestSystem::with_mail(&here).await;
    let tap = system.url("pubsub", "/v1/projects/any/subscriptions/tap");
    let topic = json!({"topic": "projects/any/topics/user-events"});
    let made = system.client.put(&tap).json(&topic).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::OK);
    system.sign_up("ada@example.com").await;
    let pull = system
        .client
        .post(format!("{tap}:pull"))
        .json(&json!({"maxMessages": 1}));
    let pulled: Value = pull.send().await.unwrap().json().await.unwrap();
    let attributes = &pulled["receivedMessages"][0]["message"]["attributes"];
    assert_eq!(
        attributes["ce-dataschema"],
        "http://schemas.test:8080/user-created/v1"
    );
    let (status, schema) = get_json(&system.client, &system.url("user", "/user-created/v1")).await;
    assert_eq!(
        (status, &schema["title"]),
        (StatusCode::OK, &json!("user.created"))
    );
    let path = "/schemas/user.deleted/1.0/writer.json";
    let (status, schema) = get_json(&system.client, &system.url("user", path)).await;
    assert_eq!(
        (status, &schema["additionalProperties"]),
        (StatusCode::OK, &json!(false))
    );
    let (status, _) = get_json(&system.client, &system.url("crm", path)).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it publishes nothing");
}
