//! A bus, spoken to over HTTP.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanout_bus_local::{Broker, rest};
use fanout_runtime::{Shutdown, SystemClock, SystemIds};
use fanout_store_sqlite::Database;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::differences::Difference;
use crate::support::{emulators, eventually};

/// One of the two, with topics and subscriptions of its own.
pub(super) struct Bus {
    client: Client,
    /// `http://HOST/v1/projects/PROJECT`
    base: String,
    pub(super) project: String,
    kind: Kind,
}

enum Kind {
    /// Stopped when dropped, then its folder deleted.
    Embedded {
        _tasks: JoinSet<()>,
        _folder: TempDir,
    },
    Emulator,
}

impl Bus {
    pub(super) async fn embedded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("db")).unwrap();
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        let project = "embedded".to_owned();
        let broker = Broker::open(database, clock, ids, project.clone());
        let broker = broker.await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!(
            "http://{}/v1/projects/{project}",
            listener.local_addr().unwrap()
        );
        let face = rest::app(broker.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { broker.run(Shutdown::default()).await });
        tasks.spawn(async move { axum::serve(listener, face).await.unwrap() });
        Self {
            client: Client::new(),
            base,
            project,
            kind: Kind::Embedded {
                _tasks: tasks,
                _folder: folder,
            },
        }
    }

    pub(super) async fn on_emulator() -> Self {
        let at = emulators().await;
        Self {
            client: Client::new(),
            base: format!(
                "http://{}/v1/projects/{}",
                at.emulators.unwrap().pubsub,
                at.project
            ),
            project: at.project,
            kind: Kind::Emulator,
        }
    }

    /// What this bus does, where the emulator is not like Pub/Sub.
    pub(super) fn unless_emulator<T: PartialEq>(
        &self,
        difference: &Difference,
        pubsub: T,
        emulator: T,
    ) -> T {
        assert!(pubsub != emulator, "no difference: {difference}");
        match self.kind {
            Kind::Embedded { .. } => pubsub,
            Kind::Emulator => emulator,
        }
    }

    /// What this bus does, where the embedded broker is not like Pub/Sub.
    pub(super) fn unless_embedded<T: PartialEq>(
        &self,
        difference: &Difference,
        pubsub: T,
        embedded: T,
    ) -> T {
        assert!(pubsub != embedded, "no difference: {difference}");
        match self.kind {
            Kind::Embedded { .. } => embedded,
            Kind::Emulator => pubsub,
        }
    }

    /// Makes a request, as `POST topics/NAME:publish`; gives the status and the JSON.
    pub(super) async fn call(&self, request: &str, body: Value) -> (u16, Value) {
        let (method, path) = request.split_once(' ').unwrap();
        let url = format!("{}/{path}", self.base);
        let request = self.client.request(method.parse().unwrap(), url);
        let request = match body {
            Value::Null => request,
            body => request.json(&body),
        };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// The same, for a request that must succeed.
    pub(super) async fn ok(&self, request: &str, body: Value) -> Value {
        let (status, answer) = self.call(request, body).await;
        assert_eq!(status, 200, "{request}: {answer}");
        answer
    }

    pub(super) async fn topic(&self, name: &str) {
        self.ok(&format!("PUT topics/{name}"), json!({})).await;
    }

    pub(super) fn topic_path(&self, name: &str) -> String {
        format!("projects/{}/topics/{name}", self.project)
    }

    /// A subscription of the topic `events` with these settings.
    pub(super) async fn subscription(&self, name: &str, settings: Value) {
        let (status, answer) = self.try_subscription(name, settings).await;
        assert_eq!(status, 200, "{answer}");
    }

    pub(super) async fn try_subscription(&self, name: &str, mut settings: Value) -> (u16, Value) {
        let topic = settings["topic"].as_str().unwrap_or("events").to_owned();
        settings["topic"] = self.topic_path(&topic).into();
        self.call(&format!("PUT subscriptions/{name}"), settings)
            .await
    }

    /// A dead-letter policy of five deliveries, with this topic.
    pub(super) fn dead_letters(&self, topic: &str) -> Value {
        json!({"deadLetterTopic": self.topic_path(topic), "maxDeliveryAttempts": 5})
    }

    /// Publishes to the topic `events`; gives the message ids.
    pub(super) async fn publish(&self, messages: Vec<Value>) -> Vec<String> {
        let body = json!({ "messages": messages });
        let answer = self.ok("POST topics/events:publish", body).await;
        serde_json::from_value(answer["messageIds"].clone()).unwrap()
    }

    /// Publishes these texts, one publish each.
    pub(super) async fn publish_texts(&self, texts: impl IntoIterator<Item = impl AsRef<str>>) {
        for text in texts {
            self.publish(vec![message(text.as_ref())]).await;
        }
    }

    /// One pull that does not wait.
    pub(super) async fn pull(&self, subscription: &str, most: usize) -> Vec<Value> {
        let pull = json!({"maxMessages": most, "returnImmediately": true});
        let path = format!("POST subscriptions/{subscription}:pull");
        let answer = self.ok(&path, pull).await;
        answer["receivedMessages"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// Pulls until so many messages have come, which is no more.
    pub(super) async fn pull_exactly(&self, subscription: &str, count: usize) -> Vec<Value> {
        let mut pulled = Vec::new();
        while pulled.len() < count {
            let next = eventually("messages to pull", || async {
                Some(self.pull(subscription, 1_000).await).filter(|next| !next.is_empty())
            });
            pulled.extend(next.await);
        }
        assert_eq!(pulled.len(), count, "{subscription}");
        pulled
    }

    pub(super) async fn acknowledge(&self, subscription: &str, pulled: &[Value]) {
        let path = format!("POST subscriptions/{subscription}:acknowledge");
        self.ok(&path, json!({"ackIds": ack_ids(pulled)})).await;
    }

    /// Puts the ack deadline off by so many seconds; zero gives back.
    pub(super) async fn put_off(&self, subscription: &str, pulled: &[Value], seconds: u32) {
        let path = format!("POST subscriptions/{subscription}:modifyAckDeadline");
        let body = json!({"ackIds": ack_ids(pulled), "ackDeadlineSeconds": seconds});
        self.ok(&path, body).await;
    }
}

/// A message with this text.
pub(super) fn message(text: &str) -> Value {
    json!({"data": STANDARD.encode(text)})
}

/// A message with this text and ordering key.
pub(super) fn keyed(text: &str, key: &str) -> Value {
    json!({"data": STANDARD.encode(text), "orderingKey": key})
}

/// The text of a message that was pulled.
pub(super) fn text(pulled: &Value) -> String {
    let data = pulled["message"]["data"].as_str().unwrap_or_default();
    String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()
}

pub(super) fn texts(pulled: &[Value]) -> Vec<String> {
    pulled.iter().map(text).collect()
}

fn ack_ids(pulled: &[Value]) -> Vec<&Value> {
    pulled.iter().map(|one| &one["ackId"]).collect()
}

/// The settings of a subscription that pushes there.
pub(super) fn pushing_to(url: String) -> Value {
    json!({"pushConfig": {"pushEndpoint": url}})
}
