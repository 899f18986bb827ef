//! Pub/Sub by its REST API, which is the same on the embedded broker, on Google's emulator and in
//! Google Cloud.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanout_bus::{MessageId, OutgoingMessage, PushedMessage};
use fanout_runtime::Timestamp;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::google_api::{GoogleApi, GoogleApiError};

/// The most messages that one pull may ask for.
pub const MOST_PULLED: usize = 1000;
/// How many ack ids go into one request: Google's are some 200 bytes each, and it takes 512 KiB.
const MOST_ACK_IDS: usize = 500;

/// One project's Pub/Sub.
#[derive(Clone)]
pub struct PubsubRest {
    api: GoogleApi,
    url: Url,
    project: String,
    empty_pulls: u32,
}

/// What a subscription's resource says, as far as it is of use here.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionResource {
    /// Where it pushes to.
    #[serde(default)]
    pub push_config: LivePushConfig,
    /// How long a delivery may take, in seconds.
    #[serde(default)]
    pub ack_deadline_seconds: u64,
}

/// Where a subscription pushes to, and as whom.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LivePushConfig {
    /// Empty for a pull subscription.
    pub push_endpoint: String,
    /// Whose token a push carries, if any.
    pub oidc_token: Option<OidcToken>,
}

/// Whose token a push carries.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OidcToken {
    /// The service account's address.
    pub service_account_email: String,
    /// Whom the token is for; empty for the push endpoint's URL.
    pub audience: String,
}

/// A message that was fetched and waits for its ack.
pub struct Pulled {
    /// What acks it.
    pub ack_id: String,
    /// The message.
    pub message: PushedMessage,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct PullAnswer {
    received_messages: Vec<ReceivedMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceivedMessage {
    ack_id: String,
    message: Message,
    #[serde(default)]
    delivery_attempt: Option<u32>,
}

/// Both ways. What is empty may be absent.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    data: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    ordering_key: String,
    #[serde(default, skip_serializing)]
    message_id: String,
    #[serde(default, skip_serializing)]
    publish_time: Timestamp,
}

/// Of either list.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListPage {
    topics: Vec<Value>,
    subscriptions: Vec<Value>,
    next_page_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublishAnswer {
    message_ids: Vec<String>,
}

impl PubsubRest {
    /// The Pub/Sub of `project` at `url`. `empty_pulls` is how many pulls in a row must bring
    /// nothing before a subscription counts as empty: Google's may say so when it is not.
    pub fn new(api: GoogleApi, url: Url, project: String, empty_pulls: u32) -> Self {
        Self {
            api,
            url,
            project,
            empty_pulls,
        }
    }

    /// How many pulls in a row must bring nothing before a subscription counts as empty.
    pub fn empty_pulls(&self) -> u32 {
        self.empty_pulls
    }

    /// `projects/P/subscriptions/S`
    pub fn subscription_path(&self, name: &str) -> String {
        format!("projects/{}/subscriptions/{name}", self.project)
    }

    /// All resources of the project of this kind, `topics` or `subscriptions`, as the API shows them.
    pub async fn list(&self, kind: &str) -> Result<Vec<Value>, GoogleApiError> {
        let mut all = Vec::new();
        let mut page = ListPage::default();
        loop {
            let mut url = self.url(&[kind]);
            url.query_pairs_mut()
                .append_pair("pageToken", &page.next_page_token);
            page = self.api.get(url).await?;
            all.append(&mut page.topics);
            all.append(&mut page.subscriptions);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// The resource of a subscription.
    pub async fn subscription(&self, name: &str) -> Result<SubscriptionResource, GoogleApiError> {
        self.api.get(self.resource("subscriptions", name)).await
    }

    /// Fetches at most `most` messages, [`MOST_PULLED`] at the very most. Nobody else gets them for
    /// the length of the subscription's ack deadline.
    pub async fn pull(
        &self,
        subscription: &str,
        most: usize,
    ) -> Result<Vec<Pulled>, GoogleApiError> {
        let url = self.resource("subscriptions", &format!("{subscription}:pull"));
        // Without `returnImmediately` an empty subscription answers after a minute and a half.
        let ask = json!({
            "maxMessages": most.min(MOST_PULLED),
            "returnImmediately": true,
        });
        let answer: PullAnswer = self.api.post(url, &ask).await?;
        let path = self.subscription_path(subscription);
        let received = answer.received_messages.into_iter();
        received
            .map(|received| self.read(received, &path))
            .collect()
    }

    fn read(
        &self,
        received: ReceivedMessage,
        subscription: &str,
    ) -> Result<Pulled, GoogleApiError> {
        let message = received.message;
        let unreadable = |_| GoogleApiError::Unreadable {
            host: self.url.origin().ascii_serialization(),
            line: 1,
            column: 1,
        };
        let data = STANDARD.decode(&message.data).map_err(unreadable)?;
        Ok(Pulled {
            ack_id: received.ack_id,
            message: PushedMessage {
                message_id: message.message_id,
                publish_time: message.publish_time,
                data: data.into(),
                attributes: message.attributes,
                ordering_key: message.ordering_key,
                subscription: subscription.to_owned(),
                delivery_attempt: received.delivery_attempt,
            },
        })
    }

    /// Acks messages that were pulled: they are gone.
    pub async fn acknowledge(
        &self,
        subscription: &str,
        ids: &[String],
    ) -> Result<(), GoogleApiError> {
        let url = self.resource("subscriptions", &format!("{subscription}:acknowledge"));
        for ids in ids.chunks(MOST_ACK_IDS) {
            let ask = json!({ "ackIds": ids });
            let _: Value = self.api.post(url.clone(), &ask).await?;
        }
        Ok(())
    }

    /// Keeps messages that were pulled for so much longer from now on; zero gives them back.
    pub async fn modify_ack_deadline(
        &self,
        subscription: &str,
        ids: &[String],
        deadline: Duration,
    ) -> Result<(), GoogleApiError> {
        let name = format!("{subscription}:modifyAckDeadline");
        let url = self.resource("subscriptions", &name);
        for ids in ids.chunks(MOST_ACK_IDS) {
            let ask = json!({ "ackIds": ids, "ackDeadlineSeconds": deadline.as_secs() });
            let _: Value = self.api.post(url.clone(), &ask).await?;
        }
        Ok(())
    }

    /// Publishes one message to a topic (its short name).
    pub async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, GoogleApiError> {
        let url = self.resource("topics", &format!("{topic}:publish"));
        let message = Message {
            data: STANDARD.encode(&message.data),
            attributes: message.attributes,
            ordering_key: message.ordering_key,
            message_id: String::new(),
            publish_time: Timestamp::UNIX_EPOCH,
        };
        let ask = json!({ "messages": [message] });
        let answer: PublishAnswer = self.api.post(url, &ask).await?;
        let id = answer.message_ids.into_iter().next();
        Ok(MessageId(id.unwrap_or_default()))
    }

    fn resource(&self, kind: &str, name: &str) -> Url {
        self.url(&[kind, name])
    }

    /// An address below the project's.
    fn url(&self, below: &[&str]) -> Url {
        let mut url = self.url.clone();
        // Fails for URLs that cannot be a base, such as `mailto:`; those are refused at the start.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["v1", "projects", &self.project])
                .extend(below);
        }
        url
    }
}
