//! The REST face.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

use super::system::{DEAD_LETTER_TOPIC, System, TOPIC};
use super::system::{folder, pull_from, push, until, with_dead_letters};
use crate::rest::app;

pub(super) async fn call(
    app: &Router,
    method: &str,
    path: &str,
    body: &str,
) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::from(body.to_owned()));
    let response = app.clone().oneshot(request.unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_message_is_published_pulled_and_acked() {
    let folder = folder();
    let system = System::start(&folder, &[pull_from(TOPIC, "all")]).await;
    let app = app(system.broker.clone());
    let publish = json!({"messages": [
        {"data": "aGk-Pj4_Pz_Dvw==", "attributes": {"a": "b"}, "orderingKey": "k"},
        {"data": "aGk+Pj4/Pz/Dvw", "ordering_key": "k"},
    ]});
    let path = "/v1/projects/any/topics/user-events:publish?alt=json";
    let (status, published) = call(&app, "POST", path, &publish.to_string()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(published["messageIds"].as_array().unwrap().len(), 2);

    let path = "/v1/projects/any/subscriptions/all:pull";
    let pull = r#"{"maxMessages": 10, "returnImmediately": false}"#;
    let (status, pulled) = call(&app, "POST", path, pull).await;
    assert_eq!(status, StatusCode::OK);
    let received = pulled["receivedMessages"].as_array().unwrap();
    let message = &received[0]["message"];
    assert_eq!(message["messageId"], published["messageIds"][0]);
    assert_eq!(message["data"], "aGk+Pj4/Pz/Dvw==");
    assert_eq!(message["attributes"], json!({"a": "b"}));
    assert_eq!(message["orderingKey"], "k");
    assert_eq!(received[1]["message"]["data"], message["data"]);
    assert_eq!(received[0].get("deliveryAttempt"), None);

    let ids: Vec<&Value> = received.iter().map(|message| &message["ackId"]).collect();
    let path = "/v1/projects/any/subscriptions/all:acknowledge";
    let acked = call(&app, "POST", path, &json!({"ackIds": ids}).to_string()).await;
    assert_eq!(acked, (StatusCode::OK, json!({})));
    assert_eq!(system.backlog("all").await, 0);
}

#[tokio::test]
async fn topics_and_subscriptions_are_created_and_described_in_googles_json() {
    let folder = folder();
    let system = System::start(&folder, &[]).await;
    let app = app(system.broker.clone());
    let body = r#"{"name": "projects/p/topics/orders"}"#;
    let created = call(&app, "PUT", "/v1/projects/p/topics/orders", body).await;
    assert_eq!(
        created,
        (StatusCode::OK, json!({"name": "projects/p/topics/orders"}))
    );
    let described = call(&app, "GET", "/v1/projects/p/topics/orders", "").await;
    assert_eq!(described, created);
    let (_, topics) = call(&app, "GET", "/v1/projects/p/topics", "").await;
    assert_eq!(topics["topics"].as_array().unwrap().len(), 3);

    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let wanted = json!({
        "name": "projects/p/subscriptions/billing",
        "topic": "projects/p/topics/orders",
        "pushConfig": {"pushEndpoint": endpoint.url()},
        "ackDeadlineSeconds": 20,
        "retryPolicy": {"minimumBackoff": "1.500s", "maximumBackoff": "10s"},
        "deadLetterPolicy": {
            "deadLetterTopic": format!("projects/p/topics/{DEAD_LETTER_TOPIC}"),
            "maxDeliveryAttempts": 5,
        },
        "enableMessageOrdering": true,
        "filter": "attributes:x",
        "retainAckedMessages": true,
        "messageRetentionDuration": "600s",
    });
    let path = "/v1/projects/p/subscriptions/billing";
    let (status, created) = call(&app, "PUT", path, &wanted.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    let mut expected = wanted;
    expected["state"] = "ACTIVE".into();
    assert_eq!(created, expected);
    assert_eq!(call(&app, "GET", path, "").await.1, expected);
    let (_, listed) = call(&app, "GET", "/v1/projects/p/subscriptions", "").await;
    assert_eq!(listed, json!({"subscriptions": [expected]}));
    let path = "/v1/projects/p/topics/orders/subscriptions";
    let (_, listed) = call(&app, "GET", path, "").await;
    assert_eq!(
        listed,
        json!({"subscriptions": ["projects/p/subscriptions/billing"]})
    );

    let publish = r#"{"messages": [{"attributes": {"x": "1"}}]}"#;
    call(
        &app,
        "POST",
        "/v1/projects/p/topics/orders:publish",
        publish,
    )
    .await;
    until("the new subscription is served", async || {
        endpoint.count() == 1
    })
    .await;
}

/// Makes the request and compares its error: code, status, message.
async fn expect_error(app: &Router, request: &str, body: &str, expected: (u16, &str, &str)) {
    let (method, path) = request.split_once(' ').unwrap();
    let (found, answer) = call(app, method, &format!("/v1/projects/p/{path}"), body).await;
    let (code, status, message) = expected;
    let error = json!({"code": code, "message": message, "status": status});
    assert_eq!(answer, json!({ "error": error }), "{request}");
    assert_eq!(found.as_u16(), code, "{request}");
}

const NOT_FOUND: (u16, &str) = (404, "NOT_FOUND");
const ALREADY_EXISTS: (u16, &str) = (409, "ALREADY_EXISTS");
const INVALID_ARGUMENT: (u16, &str) = (400, "INVALID_ARGUMENT");
const FAILED_PRECONDITION: (u16, &str) = (400, "FAILED_PRECONDITION");
#[tokio::test]
async fn errors_about_topics_have_googles_shape() {
    let folder = folder();
    let system = System::start(&folder, &[]).await;
    let app = app(system.broker.clone());
    let publish = "POST topics/user-events:publish";
    let hello = r#"{"messages": [{"data": "eA=="}]}"#;
    let unknown = "there is no topic `none`";
    let table = [
        ("POST topics/none:publish", hello, NOT_FOUND, unknown),
        ("GET topics/none", "", NOT_FOUND, unknown),
        (
            "PUT topics/user-events",
            "",
            ALREADY_EXISTS,
            "there is a topic `user-events` already",
        ),
        (
            publish,
            "{}",
            INVALID_ARGUMENT,
            "a publish needs at least one message",
        ),
        (
            publish,
            r#"{"messages": [{}]}"#,
            INVALID_ARGUMENT,
            "a message needs data or at least one attribute",
        ),
        (
            publish,
            r#"{"messages": [{"data": "%"}]}"#,
            INVALID_ARGUMENT,
            "`messages[0].data` must be base64",
        ),
        (
            publish,
            r#"{"messages": ["secret"]}"#,
            INVALID_ARGUMENT,
            "`messages[0]` must be an object",
        ),
        (
            publish,
            r#"{"messages": ['secret']}"#,
            INVALID_ARGUMENT,
            "the request's body is not JSON (line 1, column 15)",
        ),
    ];
    for (request, body, (code, status), message) in table {
        expect_error(&app, request, body, (code, status, message)).await;
    }
}

#[tokio::test]
async fn errors_about_subscriptions_have_googles_shape() {
    let folder = folder();
    let pushing = push("pushing", "http://127.0.0.1:1/".to_owned());
    let subscriptions = [with_dead_letters(pushing, 5), pull_from(TOPIC, "all")];
    let system = System::start(&folder, &subscriptions).await;
    let app = app(system.broker.clone());
    let table = [
        (
            "GET subscriptions/none",
            "",
            NOT_FOUND,
            "there is no subscription `none`",
        ),
        (
            "PUT subscriptions/all",
            r#"{"topic": "projects/p/topics/user-events"}"#,
            ALREADY_EXISTS,
            "there is a subscription `all` already",
        ),
        (
            "POST subscriptions/pushing:pull",
            r#"{"maxMessages": 1}"#,
            FAILED_PRECONDITION,
            "subscription `pushing` pushes its messages; it cannot be pulled from",
        ),
        (
            "POST subscriptions/all:pull",
            r#"{"maxMessages": 0}"#,
            INVALID_ARGUMENT,
            "`maxMessages` must be at least 1",
        ),
        (
            "POST subscriptions/all:acknowledge",
            r#"{"ackIds": ["x"]}"#,
            INVALID_ARGUMENT,
            "an ack id is not one that a pull answered with",
        ),
    ];
    for (request, body, (code, status), message) in table {
        expect_error(&app, request, body, (code, status, message)).await;
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_while_it_is_read() {
    let folder = folder();
    let system = System::start(&folder, &[]).await;
    let app = app(system.broker.clone());
    let publish = format!(
        r#"{{"messages": [{{"data": "{}"}}]}}"#,
        "A".repeat(15 << 20)
    );
    let path = "/v1/projects/p/topics/user-events:publish";
    let (code, answer) = call(&app, "POST", path, &publish).await;
    assert_eq!(
        (code, &answer["error"]["status"]),
        (StatusCode::BAD_REQUEST, &json!("INVALID_ARGUMENT"))
    );
    let fitting = format!(
        r#"{{"messages": [{{"data": "{}"}}]}}"#,
        "AAAA".repeat(3_333_333)
    );
    assert_eq!(call(&app, "POST", path, &fitting).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_pull_waits_a_little_for_a_message_unless_it_is_to_answer_at_once() {
    let folder = folder();
    let system = System::start(&folder, &[pull_from(TOPIC, "all")]).await;
    let app = app(system.broker.clone());
    let path = "/v1/projects/p/subscriptions/all:pull";
    let at_once = r#"{"maxMessages": 1, "returnImmediately": true}"#;
    assert_eq!(
        call(&app, "POST", path, at_once).await,
        (StatusCode::OK, json!({}))
    );
    let mut waiting = std::pin::pin!(call(&app, "POST", path, r#"{"maxMessages": 1}"#));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    system.publish("hello").await;
    let (_, pulled) = waiting.await;
    assert_eq!(pulled["receivedMessages"][0]["message"]["data"], "aGVsbG8=");
    let empty = call(&app, "POST", path, r#"{"maxMessages": 1}"#).await;
    assert_eq!(empty, (StatusCode::OK, json!({})));
}
