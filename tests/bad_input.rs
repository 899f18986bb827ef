//! Bad input is never retried for ever and never dropped: it is parked with a reason, or refused.
//! And the log says why without showing an address.

use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{LoneConsumer, captured_logs, envelope_around};

/// An address that must never show up in a log or an attribute.
const SECRET: &str = "secret.person@example.com";

struct Answer {
    status: StatusCode,
    outcome: Option<String>,
    logs: String,
}

/// Delivers a body and gives the answer and what was logged.
async fn deliver(consumer: &LoneConsumer, body: impl Into<Body>) -> Answer {
    let request = Request::post("/pubsub/push")
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap();
    let (response, logs) = captured_logs(consumer.app.clone().oneshot(request)).await;
    let response = response.unwrap();
    let outcome = response.headers().get("x-outcome");
    Answer {
        status: response.status(),
        outcome: outcome.map(|value| value.to_str().unwrap().to_owned()),
        logs,
    }
}

fn created(change: impl FnOnce(&mut Value)) -> Value {
    let golden = include_str!("../shared/contracts/user/golden/user.created/1.0/event.json");
    let mut event: Value = serde_json::from_str(golden).unwrap();
    event["data"]["email"] = SECRET.into();
    change(&mut event);
    event
}

#[tokio::test]
async fn what_will_never_be_an_event_is_parked_with_its_reason() {
    let cases: [(&str, Vec<u8>); 8] = [
        ("undecodable", format!("not JSON: {SECRET}").into()),
        ("undecodable", json!([SECRET]).to_string().into()),
        ("undecodable", json!({"hello": SECRET}).to_string().into()),
        ("undecodable", Vec::new()),
        ("undecodable", vec![0xff, 0xfe, 0x00]),
        (
            "invalid",
            created(|event| event["data"]["email"] = json!([SECRET]))
                .to_string()
                .into(),
        ),
        (
            "invalid",
            format!("{}{}", "[".repeat(65), "]".repeat(65)).into(),
        ),
        (
            "unsupported_version",
            created(|event| event["metadata"]["version"] = "9.0".into())
                .to_string()
                .into(),
        ),
    ];
    for consumer in LoneConsumer::each().await {
        for (number, (reason, data)) in cases.iter().enumerate() {
            let answer = deliver(&consumer, envelope_around(data, number)).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT, "{reason}");
            assert_eq!(answer.outcome.as_deref(), Some("parked"), "{reason}");
            assert!(answer.logs.contains(reason), "{}", answer.logs);
            assert!(!answer.logs.contains("secret.person"), "{}", answer.logs);
            let letters = consumer.dead_letters().await;
            let [letter] = letters.as_slice() else {
                panic!("{} dead letters", letters.len());
            };
            assert_eq!(letter.message.data, *data);
            let attributes = &letter.message.attributes;
            assert_eq!(attributes["dead-letter-reason"], *reason);
            assert_eq!(attributes["dead-letter-consumer"], consumer.name);
            assert_eq!(
                attributes["dead-letter-original-message-id"],
                number.to_string()
            );
            assert!(!format!("{attributes:?}").contains("secret.person"));
        }
    }
}

#[tokio::test]
async fn a_type_that_a_program_says_and_this_build_does_not_know_is_ignored() {
    let event = created(|event| event["type"] = "order.placed".into());
    for consumer in LoneConsumer::each().await {
        let body = envelope_around(event.to_string().as_bytes(), 1);
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        body["message"]["attributes"] = json!({"ce-type": "order.placed"});
        let body = body.to_string().into_bytes();
        let answer = deliver(&consumer, body).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(answer.outcome.as_deref(), Some("ignored"));
        assert!(consumer.dead_letters().await.is_empty());
        assert!(!answer.logs.contains("secret.person"), "{}", answer.logs);
    }
}

#[tokio::test]
async fn a_type_that_was_typed_wrongly_by_hand_is_parked_with_the_known_ones_named() {
    let envelope = created(|event| event["type"] = "user.craeted".into()).to_string();
    let short = |event: &str| json!({"userId": "u", "email": SECRET, "name": "N", "event": event});
    let typed = [
        envelope,
        short("USER.CREATED").to_string(),
        short("user_created").to_string(),
    ];
    for consumer in LoneConsumer::each().await {
        for (number, text) in typed.iter().enumerate() {
            let answer = deliver(&consumer, envelope_around(text.as_bytes(), number)).await;
            assert_eq!(answer.outcome.as_deref(), Some("parked"), "{text}");
            let letters = consumer.dead_letters().await;
            let attributes = &letters[0].message.attributes;
            assert_eq!(attributes["dead-letter-reason"], "unknown_type");
            let known = "user.created, user.updated, user.deleted";
            assert!(attributes["dead-letter-detail"].contains(known));
        }
    }
}

#[tokio::test]
async fn what_is_no_push_at_all_is_refused_and_the_log_says_why() {
    let bad_base64 = json!({"message": {"data": "%%%", "messageId": "1"}, "subscription": "s"});
    let cases = [
        (String::new(), "not a Pub/Sub push envelope"),
        (format!("nonsense {SECRET}"), "not a Pub/Sub push envelope"),
        (
            json!({"email": SECRET}).to_string(),
            "not a Pub/Sub push envelope",
        ),
        (bad_base64.to_string(), "not base64"),
    ];
    for consumer in LoneConsumer::each().await {
        for (body, why) in &cases {
            let answer = deliver(&consumer, body.clone()).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{why}");
            assert!(answer.logs.contains(why), "{}", answer.logs);
            assert!(!answer.logs.contains("secret.person"), "{}", answer.logs);
        }
        assert!(consumer.dead_letters().await.is_empty());
    }
}

#[tokio::test]
async fn the_largest_message_of_pubsub_fits_and_a_larger_push_is_refused() {
    let padding = "x".repeat(9_900_000);
    let event = created(|event| event["data"]["padding"] = padding.into()).to_string();
    let mut too_large = format!("{{\"email\":\"{SECRET}\"").into_bytes();
    too_large.resize(15 * 1024 * 1024 + 1, b' ');
    for consumer in LoneConsumer::each().await {
        let answer = deliver(&consumer, envelope_around(event.as_bytes(), 1)).await;
        assert_eq!(answer.outcome.as_deref(), Some("done"));
        let answer = deliver(&consumer, too_large.clone()).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        let line: Value = serde_json::from_str(&answer.logs).unwrap();
        assert_eq!(line["outcome"], "body_too_large");
        assert_eq!(line["why"], "the body is too large");
        assert!(line["duration_ms"].is_u64(), "{line}");
        assert!(!answer.logs.contains("secret.person"), "{}", answer.logs);
    }
}

#[tokio::test]
async fn what_no_consumer_serves_is_a_problem_too() {
    for consumer in LoneConsumer::each().await {
        for (method, path, slug) in [
            (Method::GET, "/nothing", "not_found"),
            (Method::GET, "/pubsub/push", "method_not_allowed"),
            (Method::POST, "/health", "method_not_allowed"),
        ] {
            let request = Request::builder().method(method).uri(path);
            let request = request.body(Body::empty()).unwrap();
            let response = consumer.app.clone().oneshot(request).await.unwrap();
            let content_type = &response.headers()["content-type"];
            assert_eq!(content_type, "application/problem+json");
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let problem: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["type"], slug, "{} {path}", consumer.name);
            assert_eq!(problem["status"], status);
        }
    }
}

#[tokio::test]
async fn another_payload_under_a_known_id_is_parked_and_the_first_stays() {
    let crm = LoneConsumer::crm().await;
    let first = created(|_| {});
    let second = created(|event| event["data"]["name"] = "Somebody Else".into());
    let pretty = serde_json::to_vec_pretty(&first).unwrap();
    let deliveries = [
        (first.to_string().into_bytes(), "done"),
        (second.to_string().into_bytes(), "parked"),
        (pretty, "duplicate"),
    ];
    for (number, (data, outcome)) in deliveries.into_iter().enumerate() {
        let answer = deliver(&crm, envelope_around(&data, number)).await;
        assert_eq!(answer.outcome.as_deref(), Some(outcome));
    }
    let letters = crm.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(
        letters[0].message.attributes["dead-letter-reason"],
        "id_reused"
    );
}

#[tokio::test]
async fn a_delivery_is_one_log_line_with_the_agreed_fields() {
    let crm = LoneConsumer::crm().await;
    let event = created(|_| {});
    let mut body: Value =
        serde_json::from_slice(&envelope_around(event.to_string().as_bytes(), 7)).unwrap();
    body["deliveryAttempt"] = 3.into();
    body["message"]["attributes"] =
        json!({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"});
    let answer = deliver(&crm, body.to_string()).await;
    let mut lines = answer.logs.lines();
    let mut line: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(lines.next(), None);
    line["time"] = "[time]".into();
    line["httpRequest"]["latency"] = "[s]".into();
    line["duration_ms"] = "[ms]".into();
    insta::assert_json_snapshot!(line, @r#"
    {
      "attempt": 3,
      "consumer": "crm",
      "correlation_id": "req_01JD2V7Q4JZ9Y8X7W6V5T4S3R2",
      "duration_ms": "[ms]",
      "event_id": "evt_01JD2V7Q4M8T9W3X5Y6Z7A8B9C",
      "event_type": "user.created",
      "httpRequest": {
        "latency": "[s]",
        "requestMethod": "POST",
        "requestUrl": "/pubsub/push",
        "status": 204
      },
      "logging.googleapis.com/spanId": "00f067aa0ba902b7",
      "logging.googleapis.com/trace": "projects/test/traces/4bf92f3577b34da6a3ce929d0e0e4736",
      "logging.googleapis.com/trace_sampled": true,
      "message": "delivered",
      "message_id": "7",
      "outcome": "done",
      "severity": "INFO",
      "subject": "usr_01JD2V7Q4KA1B2C3D4E5F6G7H8",
      "target": "fanout_consume::delivery_line",
      "time": "[time]"
    }
    "#);
}

#[tokio::test]
async fn a_refused_delivery_is_such_a_line_with_all_that_could_be_read() {
    let crm = LoneConsumer::crm().await;
    let message = json!({
        "data": "%%%",
        "messageId": "7",
        "attributes": {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    });
    let body = json!({"message": message, "subscription": "s", "deliveryAttempt": 3});
    let answer = deliver(&crm, body.to_string()).await;
    let mut line: Value = serde_json::from_str(&answer.logs).unwrap();
    line["time"] = "[time]".into();
    line["httpRequest"]["latency"] = "[s]".into();
    assert!(line["duration_ms"].is_u64(), "{line}");
    line["duration_ms"] = "[ms]".into();
    insta::assert_json_snapshot!(line, @r#"
    {
      "attempt": 3,
      "consumer": "crm",
      "duration_ms": "[ms]",
      "httpRequest": {
        "latency": "[s]",
        "requestMethod": "POST",
        "requestUrl": "/pubsub/push",
        "status": 400
      },
      "logging.googleapis.com/spanId": "00f067aa0ba902b7",
      "logging.googleapis.com/trace": "projects/test/traces/4bf92f3577b34da6a3ce929d0e0e4736",
      "logging.googleapis.com/trace_sampled": true,
      "message": "delivery refused",
      "message_id": "7",
      "outcome": "not_a_push",
      "severity": "WARNING",
      "target": "fanout_consume::delivery_line",
      "time": "[time]",
      "why": "the push envelope's `message.data` is not base64"
    }
    "#);
}
