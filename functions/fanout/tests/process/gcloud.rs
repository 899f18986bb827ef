//! The real `gcloud` on the embedded broker.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::running::{Running, wait_until};

/// `gcloud pubsub` with its settings in a folder of its own.
struct Gcloud {
    endpoint: String,
    config: TempDir,
}

impl Gcloud {
    fn at(running: &Running) -> Self {
        Self {
            endpoint: running.url("pubsub", "/"),
            config: tempfile::tempdir().unwrap(),
        }
    }

    fn output(&self, arguments: &[&str]) -> std::process::Output {
        let config: &Path = self.config.path();
        Command::new("gcloud")
            .args(["pubsub", "--quiet", "--format=json"])
            .args(arguments)
            .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB", &self.endpoint)
            .env("CLOUDSDK_AUTH_ACCESS_TOKEN", "local")
            .env("CLOUDSDK_CORE_PROJECT", "fanout-local")
            .env("CLOUDSDK_CONFIG", config)
            .output()
            .unwrap()
    }

    /// What a command that must succeed answers; null for nothing.
    fn run(&self, arguments: &[&str]) -> Value {
        let output = self.output(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}\n{errors}");
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// What a command that must fail complains of.
    fn fail(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// The texts and ordering keys of what a pull gives, and one of the ack ids.
    fn pull(&self, subscription: &str) -> (Vec<Value>, String) {
        let pulled = self.run(&["subscriptions", "pull", subscription, "--limit=10"]);
        let pulled = pulled.as_array().cloned().unwrap_or_default();
        let ack_id = pulled.first().map(|one| &one["ackId"]);
        let ack_id = ack_id
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let shown = |one: &Value| {
            let message = &one["message"];
            json!([
                message["data"],
                message["orderingKey"],
                message["attributes"]
            ])
        };
        (pulled.iter().map(shown).collect(), ack_id)
    }
}

#[test]
#[cfg_attr(
    not(emulators),
    ignore = "needs gcloud, which comes with Google's emulators"
)]
fn gcloud_makes_lists_and_describes_topics_and_subscriptions() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let gcloud = Gcloud::at(&running);
    gcloud.run(&["topics", "create", "orders"]);
    gcloud.run(&["topics", "create", "orders-dead"]);
    let endpoint = format!("--push-endpoint={}", running.url("crm", "/pubsub/push"));
    gcloud.run(&[
        "subscriptions",
        "create",
        "billing",
        "--topic=orders",
        &endpoint,
        "--dead-letter-topic=orders-dead",
        "--max-delivery-attempts=7",
        "--min-retry-delay=1s",
        "--max-retry-delay=60s",
        "--ack-deadline=20",
        "--enable-message-ordering",
        "--expiration-period=never",
        r#"--message-filter=attributes."ce-type" = "order.placed""#,
    ]);
    let described = gcloud.run(&["subscriptions", "describe", "billing"]);
    let expected = json!({
        "name": "projects/fanout-local/subscriptions/billing",
        "topic": "projects/fanout-local/topics/orders",
        "pushConfig": {"pushEndpoint": running.url("crm", "/pubsub/push")},
        "deadLetterPolicy": {
            "deadLetterTopic": "projects/fanout-local/topics/orders-dead",
            "maxDeliveryAttempts": 7,
        },
        "retryPolicy": {"minimumBackoff": "1s", "maximumBackoff": "60s"},
        "ackDeadlineSeconds": 20,
        "enableMessageOrdering": true,
        "filter": r#"attributes."ce-type" = "order.placed""#,
        "messageRetentionDuration": "604800s",
        "state": "ACTIVE",
    });
    assert_eq!(described, expected);
    let listed = gcloud.run(&["subscriptions", "list"]);
    assert!(listed.as_array().unwrap().contains(&expected), "{listed}");
    let topic = json!({"name": "projects/fanout-local/topics/orders"});
    assert_eq!(gcloud.run(&["topics", "describe", "orders"]), topic);
    let topics = gcloud.run(&["topics", "list"]);
    assert!(topics.as_array().unwrap().contains(&topic), "{topics}");
    gcloud.run(&["subscriptions", "delete", "billing"]);
    gcloud.run(&["topics", "delete", "orders"]);
    let gone = gcloud.fail(&["topics", "describe", "orders"]);
    assert!(gone.contains("there is no topic `orders`"), "{gone}");
}

#[test]
#[cfg_attr(
    not(emulators),
    ignore = "needs gcloud, which comes with Google's emulators"
)]
fn gcloud_is_told_at_once_what_is_not_done() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let gcloud = Gcloud::at(&running);
    gcloud.run(&["topics", "create", "orders"]);
    let duplicate = gcloud.fail(&["topics", "create", "orders"]);
    assert!(
        duplicate.contains("there is a topic `orders` already"),
        "{duplicate}"
    );
    let labelled = gcloud.fail(&["topics", "create", "labelled", "--labels=a=b"]);
    assert!(
        labelled.contains("does not know the setting `labels`"),
        "{labelled}"
    );
    let policy = gcloud.fail(&["topics", "get-iam-policy", "orders"]);
    assert!(
        policy.contains("does not do projects.topics.getIamPolicy"),
        "{policy}"
    );
}

#[test]
#[cfg_attr(
    not(emulators),
    ignore = "needs gcloud, which comes with Google's emulators"
)]
fn gcloud_publishes_pulls_acks_and_seeks() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let gcloud = Gcloud::at(&running);
    gcloud.run(&["topics", "create", "orders"]);
    let create = ["subscriptions", "create", "by-hand", "--topic=orders"];
    gcloud.run(&[&create[..], &["--retain-acked-messages"]].concat());
    let published = gcloud.run(&[
        "topics",
        "publish",
        "orders",
        "--message=hello",
        "--attribute=ce-type=order.placed,k=v",
        "--ordering-key=ord_1",
    ]);
    assert!(published["messageIds"][0].is_string(), "{published}");
    let hello = json!(["aGVsbG8=", "ord_1", {"ce-type": "order.placed", "k": "v"}]);
    let (pulled, ack_id) = gcloud.pull("by-hand");
    assert_eq!(pulled, std::slice::from_ref(&hello));
    gcloud.run(&[
        "subscriptions",
        "ack",
        "by-hand",
        &format!("--ack-ids={ack_id}"),
    ]);
    assert_eq!(gcloud.pull("by-hand").0, [Value::Null; 0]);
    gcloud.run(&[
        "subscriptions",
        "seek",
        "by-hand",
        "--time=2020-01-01T00:00:00Z",
    ]);
    assert_eq!(gcloud.pull("by-hand").0, [hello]);
    gcloud.run(&[
        "subscriptions",
        "seek",
        "by-hand",
        "--time=2100-01-01T00:00:00Z",
    ]);
    assert_eq!(gcloud.pull("by-hand").0, [Value::Null; 0]);
    let snapshot = gcloud.fail(&["subscriptions", "seek", "by-hand", "--snapshot=none"]);
    assert!(
        snapshot.contains("does not know the setting `snapshot`"),
        "{snapshot}"
    );

    // A push subscription made by gcloud is served: the event reaches a real consumer.
    let endpoint = format!("--push-endpoint={}", running.url("crm", "/pubsub/push"));
    gcloud.run(&[
        "subscriptions",
        "create",
        "billing",
        "--topic=orders",
        &endpoint,
    ]);
    let user = r#"--message={"userId": "by-gcloud", "email": "a@example.com", "name": "A", "event": "user.created"}"#;
    gcloud.run(&["topics", "publish", "orders", user]);
    wait_until("the contact", || {
        running.get("crm", "/contacts/by-gcloud").0 == 200
    });
}
