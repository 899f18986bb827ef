//! One request's name and trace reach every consumer.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::bus::Mood;
use super::service::{Answer, Service};
use crate::support::{LoneConsumer, captured_logs};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn sign_up(service: &Service, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"email": "ada@example.com", "name": "Ada"});
    service.send(Method::POST, "/users", headers, &body).await
}

#[tokio::test]
async fn the_request_id_is_the_correlation_id_in_the_answer_the_event_and_its_attributes() {
    let long = "r".repeat(129);
    for (headers, expected) in [
        (&[("x-request-id", "abc-123")][..], Some("abc-123")),
        (
            &[("x-request-id", "abc-123"), ("traceparent", TRACEPARENT)],
            Some("abc-123"),
        ),
        (&[("traceparent", TRACEPARENT)], Some(TRACE)),
        (&[("x-request-id", "two words")], None),
        (&[("x-request-id", long.as_str())], None),
        (&[("x-request-id", "secret.person@example.com")], None),
        (
            &[
                ("x-request-id", "secret.person@example.com"),
                ("traceparent", TRACEPARENT),
            ],
            Some(TRACE),
        ),
        (&[], None),
    ] {
        let service = Service::new().await;
        let answer = sign_up(&service, headers).await;
        let named = answer.headers["x-request-id"].to_str().unwrap();
        match expected {
            Some(expected) => assert_eq!(named, expected),
            None => assert!(named.starts_with("req_"), "{named}"),
        }
        assert_eq!(service.bus.events()[0]["correlation_id"], named);
        let attributes = &service.bus.messages()[0].attributes;
        assert_eq!(attributes["correlation_id"], named);
        let trace = attributes.get("traceparent").map(String::as_str);
        let sent = headers.iter().find(|(name, _)| *name == "traceparent");
        assert_eq!(trace, sent.map(|(_, value)| *value));
    }
}

#[tokio::test]
async fn the_trace_goes_on_in_a_consumers_log_also_when_the_relay_sends_the_event() {
    let service = Service::new().await;
    service.bus.turn(Mood::Refusing);
    sign_up(
        &service,
        &[("traceparent", TRACEPARENT), ("x-request-id", "abc-123")],
    )
    .await;
    service.outbox.drain().await;
    service.bus.turn(Mood::Up);
    service.relay().await;
    let message = service.bus.messages().remove(0);
    let crm = LoneConsumer::crm().await;
    let push = json!({
        "subscription": "projects/test/subscriptions/user-events-crm",
        "message": {
            "data": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &message.data),
            "attributes": message.attributes,
            "messageId": "1",
            "publishTime": "2026-11-20T12:00:00Z",
        },
    });
    let bytes = push.to_string().into_bytes();
    let request = http::Request::post("/pubsub/push")
        .header("content-type", "application/json")
        .body(axum::body::Body::from(bytes))
        .unwrap();
    let delivery = tower::ServiceExt::oneshot(crm.app.clone(), request);
    let (response, logs) = captured_logs(delivery).await;
    assert_eq!(response.unwrap().status(), StatusCode::NO_CONTENT);
    let line: Value = serde_json::from_str(logs.lines().next().unwrap()).unwrap();
    assert_eq!(line["outcome"], "done");
    assert_eq!(line["correlation_id"], "abc-123");
    let trace = &line["logging.googleapis.com/trace"];
    assert_eq!(*trace, format!("projects/test/traces/{TRACE}"));
}
