//! One request's name and trace reach every consumer.

use fanout_store::{Fields, Key, Write};
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

/// The lines, each of which must name this request and, unless it has none, the caller's trace.
fn lines_within(logs: &str, (method, route): (&str, &str), trace: Option<&str>) -> Vec<Value> {
    let lines = logs.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["httpRequest"]["requestMethod"], method, "{line}");
        assert_eq!(line["httpRequest"]["requestUrl"], route, "{line}");
        let trace = trace.map(|trace| format!("projects/test/traces/{trace}"));
        let written = line["logging.googleapis.com/trace"].as_str();
        assert_eq!(written, trace.as_deref(), "{line}");
        let known = trace.is_some();
        for part in ["spanId", "trace_sampled"] {
            let part = line.get(format!("logging.googleapis.com/{part}"));
            assert_eq!(part.is_some(), known, "{line}");
        }
        line
    });
    lines.collect()
}

#[tokio::test]
async fn every_line_within_a_request_names_it_and_its_trace_also_on_tasks_that_outlive_it() {
    let service = Service::new().await;
    let traced = [("traceparent", TRACEPARENT)];
    let signing_up = async {
        sign_up(&service, &traced).await;
        service.outbox.drain().await;
    };
    let ((), logs) = captured_logs(signing_up).await;
    let lines = lines_within(&logs, ("POST", "/users"), Some(TRACE));
    assert_eq!(lines[0]["message"], "published");

    service.bus.turn(Mood::Refusing);
    let (_, logs) = captured_logs(async {
        let body = json!({"email": "grace@example.com", "name": "Grace"});
        service.send(Method::POST, "/users", &traced, &body).await;
        service.outbox.drain().await;
    })
    .await;
    let lines = lines_within(&logs, ("POST", "/users"), Some(TRACE));
    assert!(logs.contains("waits for the relay"), "{lines:?}");

    // What the relay sends belongs to the trace of the request that stored it; its own run to none.
    service.bus.turn(Mood::Up);
    let (_, logs) = captured_logs(service.relay_later()).await;
    let of_the_event = |line: &&str| line.contains("\"published\"") && line.contains("evt_");
    let (sent, run): (Vec<&str>, Vec<&str>) = logs.lines().partition(of_the_event);
    assert_eq!((sent.len(), run.len()), (1, 1), "{logs}");
    lines_within(&sent.concat(), ("POST", "/tick"), Some(TRACE));
    lines_within(&run.concat(), ("POST", "/tick"), None);
}

#[tokio::test]
async fn an_error_within_a_request_says_which_to_error_reporting_and_how_it_was_answered() {
    let service = Service::new().await;
    let broken = Write::set(
        Key::new(user_service::USERS, "usr_broken"),
        Fields::new().with("email", true),
    );
    service.documents.commit(vec![broken]).await.unwrap();
    let path = "/users/usr_broken";
    let headers = [("traceparent", TRACEPARENT)];
    let asking = service.call(Method::GET, path, &headers, "");
    let (_, logs) = captured_logs(asking).await;
    let lines = lines_within(&logs, ("GET", "/users/{id}"), Some(TRACE));
    let [line] = lines.as_slice() else {
        panic!("{logs}")
    };
    assert_eq!(line["severity"], "ERROR");
    assert_eq!(line["httpRequest"]["status"], 500);
    let error_reporting = line["@type"].as_str().unwrap();
    assert!(error_reporting.ends_with("ReportedErrorEvent"), "{line}");
}
