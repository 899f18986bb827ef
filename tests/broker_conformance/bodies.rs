//! What a push says.

use fanout_testkit::push_endpoint::{PushEndpoint, Reply};
use serde_json::{Value, json};

use super::bus::pushing_to;
use super::differences::{DELIVERY_ATTEMPT_IN_PUSH, EMPTY_FIELDS_IN_PUSH, ORDERING_KEY_IN_PUSH};
use super::on_both_buses;
use crate::support::eventually;

/// The body of the first push; what no test can foresee is checked and replaced.
async fn first_body(endpoint: &PushEndpoint, id: &str) -> Value {
    let push = eventually("the push", || async {
        endpoint.pushes().into_iter().next()
    })
    .await;
    assert_eq!(push.headers["content-type"], "application/json");
    let mut body: Value = serde_json::from_slice(&push.body).unwrap();
    let message = &mut body["message"];
    let published = message["publishTime"].as_str().unwrap().to_owned();
    chrono::DateTime::parse_from_rfc3339(&published).unwrap();
    for (name, expected) in [
        ("publishTime", published.as_str()),
        ("publish_time", &published),
        ("messageId", id),
        ("message_id", id),
    ] {
        assert_eq!(message[name].take(), expected, "{name}");
    }
    body
}

/// What both spellings leave behind.
fn with_doubled_fields(mut message: Value) -> Value {
    for name in ["publishTime", "publish_time", "messageId", "message_id"] {
        message[name] = Value::Null;
    }
    message
}

on_both_buses! {
    async fn a_push_is_googles_body_field_by_field(bus) {
        let plain = PushEndpoint::start(|_| Reply::Status(204)).await;
        let counted = PushEndpoint::start(|_| Reply::Status(204)).await;
        bus.topic("events").await;
        bus.topic("dead").await;
        bus.subscription("plain", pushing_to(plain.url())).await;
        let mut settings = pushing_to(counted.url());
        settings["deadLetterPolicy"] = bus.dead_letters("dead");
        bus.subscription("counted", settings).await;
        let message = json!({"data": "aGVsbG8=", "attributes": {"k": "v"}, "orderingKey": "usr_1"});
        let id = bus.publish(vec![message]).await.remove(0);

        let mut message = json!({"data": "aGVsbG8=", "attributes": {"k": "v"}});
        let key = bus.unless_emulator(&ORDERING_KEY_IN_PUSH, Some("usr_1"), None);
        if let Some(key) = key {
            message["orderingKey"] = key.into();
        }
        let message = with_doubled_fields(message);
        let subscription = |name| format!("projects/{}/subscriptions/{name}", bus.project);
        let expected = json!({"message": message, "subscription": subscription("plain")});
        assert_eq!(first_body(&plain, &id).await, expected);
        let mut expected = json!({"message": message, "subscription": subscription("counted")});
        let attempt = bus.unless_emulator(&DELIVERY_ATTEMPT_IN_PUSH, Some(1), None);
        if let Some(attempt) = attempt {
            expected["deliveryAttempt"] = attempt.into();
        }
        assert_eq!(first_body(&counted, &id).await, expected);
    }

    async fn what_is_empty_is_left_out(bus) {
        let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
        bus.topic("events").await;
        bus.subscription("plain", pushing_to(endpoint.url())).await;
        let id = bus.publish(vec![json!({"attributes": {"k": "v"}})]).await.remove(0);
        let absent = json!({"attributes": {"k": "v"}});
        let empty = json!({"attributes": {"k": "v"}, "data": ""});
        let expected = bus.unless_emulator(&EMPTY_FIELDS_IN_PUSH, absent, empty);
        let body = first_body(&endpoint, &id).await;
        assert_eq!(body["message"], with_doubled_fields(expected));
    }
}
