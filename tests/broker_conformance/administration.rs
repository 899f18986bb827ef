//! Making, listing and deleting topics and subscriptions.

use serde_json::{Value, json};

use super::bus::{Bus, texts};
use super::differences::{LONG_RETENTION, SHORT_ACK_DEADLINES, SUBSCRIPTIONS_OF_NO_TOPIC};
use super::on_both_buses;

/// Makes the request and compares its error.
async fn refused(bus: &Bus, request: &str, body: Value, expected: (u16, &str)) {
    let (status, answer) = bus.call(request, body).await;
    let error = &answer["error"];
    assert_eq!(
        (status, &error["status"]),
        (expected.0, &json!(expected.1)),
        "{request}"
    );
    assert_eq!(error["code"], status, "{request}");
    assert!(!error["message"].as_str().unwrap().is_empty(), "{request}");
}

const NOT_FOUND: (u16, &str) = (404, "NOT_FOUND");
const ALREADY_EXISTS: (u16, &str) = (409, "ALREADY_EXISTS");
const INVALID_ARGUMENT: (u16, &str) = (400, "INVALID_ARGUMENT");

/// All items of a list, two on a page, with the number of pages.
async fn paged(bus: &Bus, path: &str, kind: &str) -> (Vec<Value>, usize) {
    let (mut items, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let query = format!("GET {path}?pageSize=2&pageToken={token}");
        let page = bus.ok(&query, Value::Null).await;
        items.extend(page[kind].as_array().cloned().unwrap_or_default());
        pages += 1;
        match page["nextPageToken"].as_str().unwrap_or_default() {
            "" => return (items, pages),
            next => token = next.to_owned(),
        }
    }
}

on_both_buses! {
    async fn errors_have_googles_shape(bus) {
        bus.topic("events").await;
        bus.subscription("all", json!({})).await;
        let topic = bus.topic_path("events");
        let with = |setting: Value| {
            let mut settings = json!({ "topic": topic });
            settings.as_object_mut().unwrap().extend(setting.as_object().unwrap().clone());
            settings
        };
        let hello = json!({"messages": [{"data": "eA=="}]});
        let no_topic = json!({"topic": bus.topic_path("none")});
        let no_dead_letters = with(json!({"deadLetterPolicy": bus.dead_letters("none")}));
        for (request, body, expected) in [
            ("GET topics/none", Value::Null, NOT_FOUND),
            ("DELETE topics/none", Value::Null, NOT_FOUND),
            ("POST topics/none:publish", hello, NOT_FOUND),
            ("POST topics/events:publish", json!({"messages": [{"data": "%"}]}), INVALID_ARGUMENT),
            ("PUT topics/events", json!({}), ALREADY_EXISTS),
            ("PUT topics/xy", json!({}), INVALID_ARGUMENT),
            ("PUT topics/1abc", json!({}), INVALID_ARGUMENT),
            ("PUT topics/googles", json!({}), INVALID_ARGUMENT),
            ("GET subscriptions/none", Value::Null, NOT_FOUND),
            ("DELETE subscriptions/none", Value::Null, NOT_FOUND),
            ("PUT subscriptions/all", with(json!({})), ALREADY_EXISTS),
            ("PUT subscriptions/new", no_topic, NOT_FOUND),
            ("PUT subscriptions/new", no_dead_letters, NOT_FOUND),
            ("PUT subscriptions/new", with(json!({"ackDeadlineSeconds": 601})), INVALID_ARGUMENT),
            ("PUT subscriptions/new", with(json!({"messageRetentionDuration": "599s"})), INVALID_ARGUMENT),
            ("PUT subscriptions/new", with(json!({"messageRetentionDuration": "2678401s"})), INVALID_ARGUMENT),
            ("PUT subscriptions/new", with(json!({"pushConfig": {"pushEndpoint": "nowhere"}})), INVALID_ARGUMENT),
            (
                "PUT subscriptions/new",
                with(json!({"retryPolicy": {"minimumBackoff": "5s", "maximumBackoff": "1s"}})),
                INVALID_ARGUMENT,
            ),
        ] {
            refused(&bus, request, body, expected).await;
        }
        let (status, _) = bus.try_subscription("short", json!({"ackDeadlineSeconds": 5})).await;
        assert_eq!(status, bus.unless_emulator(&SHORT_ACK_DEADLINES, 400, 200));
        let long = json!({"messageRetentionDuration": "2678400s"});
        let (status, _) = bus.try_subscription("long", long).await;
        assert_eq!(status, bus.unless_emulator(&LONG_RETENTION, 200, 400));
        let (status, _) = bus.call("GET topics/none/subscriptions", Value::Null).await;
        assert_eq!(status, bus.unless_emulator(&SUBSCRIPTIONS_OF_NO_TOPIC, 404, 200));
    }

    async fn a_subscription_is_described_as_it_was_made(bus) {
        bus.topic("events").await;
        bus.topic("dead").await;
        let wanted = json!({
            "name": format!("projects/{}/subscriptions/billing", bus.project),
            "topic": bus.topic_path("events"),
            "pushConfig": {"pushEndpoint": "http://127.0.0.1:1/push"},
            "ackDeadlineSeconds": 20,
            "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
            "deadLetterPolicy": bus.dead_letters("dead"),
            "enableMessageOrdering": true,
            "filter": r#"attributes:"ce-type""#,
            "retainAckedMessages": true,
            "messageRetentionDuration": "86400s",
        });
        let same = |mut found: Value| {
            // The emulator says nothing of the state.
            found.as_object_mut().unwrap().remove("state");
            assert_eq!(found, wanted);
        };
        same(bus.ok("PUT subscriptions/billing", wanted.clone()).await);
        same(bus.ok("GET subscriptions/billing", Value::Null).await);
        let listed = bus.ok("GET subscriptions", Value::Null).await;
        same(listed["subscriptions"][0].clone());

        bus.subscription("plain", json!({})).await;
        let mut plain = bus.ok("GET subscriptions/plain", Value::Null).await;
        plain.as_object_mut().unwrap().remove("state");
        let expected = json!({
            "name": format!("projects/{}/subscriptions/plain", bus.project),
            "topic": bus.topic_path("events"),
            "pushConfig": {},
            "ackDeadlineSeconds": 10,
            "messageRetentionDuration": "604800s",
        });
        assert_eq!(plain, expected);
    }

    async fn lists_come_in_pages(bus) {
        let empty = bus.ok("GET topics", Value::Null).await;
        assert_eq!(empty, json!({}));
        let topics = ["events", "orders", "users"];
        for topic in topics {
            bus.topic(topic).await;
        }
        let subscriptions = ["sub-1", "sub-2", "sub-3", "sub-4"];
        for subscription in subscriptions {
            bus.subscription(subscription, json!({})).await;
        }
        let (found, pages) = paged(&bus, "topics", "topics").await;
        let expected = topics.map(|name| json!({"name": bus.topic_path(name)}));
        assert_eq!((found, pages), (expected.to_vec(), 2));
        let path = |name| format!("projects/{}/subscriptions/{name}", bus.project);
        let (found, pages) = paged(&bus, "subscriptions", "subscriptions").await;
        let names: Vec<&Value> = found.iter().map(|one| &one["name"]).collect();
        assert_eq!(names, subscriptions.map(path).each_ref());
        assert_eq!(pages, 2);
        let (found, _) = paged(&bus, "topics/events/subscriptions", "subscriptions").await;
        assert_eq!(found, subscriptions.map(path));
        assert_eq!(bus.ok("GET topics/users/subscriptions", Value::Null).await, json!({}));
    }

    async fn what_is_deleted_is_gone_and_a_topics_subscriptions_keep_what_they_have(bus) {
        bus.topic("events").await;
        bus.subscription("keeping", json!({})).await;
        bus.subscription("going", json!({})).await;
        bus.publish_texts(["before"]).await;
        bus.ok("DELETE subscriptions/going", Value::Null).await;
        refused(&bus, "GET subscriptions/going", Value::Null, NOT_FOUND).await;
        bus.subscription("going", json!({})).await;
        assert_eq!(bus.pull("going", 10).await, [Value::Null; 0]);

        bus.ok("DELETE topics/events", Value::Null).await;
        refused(&bus, "GET topics/events", Value::Null, NOT_FOUND).await;
        bus.topic("events").await;
        bus.publish_texts(["after"]).await;
        let keeping = bus.ok("GET subscriptions/keeping", Value::Null).await;
        assert_eq!(keeping["topic"], "_deleted-topic_");
        assert_eq!(texts(&bus.pull_exactly("keeping", 1).await), ["before"]);
        assert_eq!(bus.ok("GET topics/events/subscriptions", Value::Null).await, json!({}));
    }
}
