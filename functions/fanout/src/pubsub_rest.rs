//! Pub/Sub by its REST API, which is the same on the embedded broker, on Google's emulator and in
//! Google Cloud.

use std::time::Duration;

use fanout_bus::{MessageJson, OutgoingMessage, PushedMessage, ReceivedJson};
use fanout_runtime::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::google_api::{GoogleApi, GoogleApiError};

/// The most messages that one pull may ask for.
pub const MOST_PULLED: usize = 1000;
/// How many ack ids go into one request: Google's are some 200 bytes each, and it takes 512 KiB.
const MOST_ACK_IDS: usize = 500;

/// One project's Pub/Sub.
#[derive(Clone)]
pub struct PubsubRest {
    /// Below the project.
    api: GoogleApi,
    project: String,
    /// How many pulls in a row must bring nothing before a subscription counts as empty: Google's may
    /// say so when it is not.
    pub(crate) empty_pulls: u32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PullAnswer {
    received_messages: Vec<ReceivedJson>,
}

impl PubsubRest {
    /// The project's, by the API at Pub/Sub's own address.
    pub fn of(api: GoogleApi, project: String) -> Self {
        Self {
            api: api.below(&["v1", "projects", &project]),
            project,
            empty_pulls: 1,
        }
    }

    /// `projects/P/subscriptions/S`
    pub fn subscription_path(&self, name: &str) -> String {
        format!("projects/{}/subscriptions/{name}", self.project)
    }

    /// All resources of the project of this kind, `topics` or `subscriptions`, as the API shows them.
    pub async fn list(&self, kind: &str) -> Result<Vec<Value>, GoogleApiError> {
        self.api.list(&[kind], &[], kind).await
    }

    /// The resource of a subscription.
    pub async fn subscription(&self, name: &str) -> Result<Value, GoogleApiError> {
        self.api.get(&["subscriptions", name]).await
    }

    /// Fetches at most `most` messages, [`MOST_PULLED`] at the very most, each with what acks it. No
    /// other pull gets them for the length of the subscription's ack deadline.
    pub async fn pull(
        &self,
        subscription: &str,
        most: usize,
    ) -> Result<Vec<(String, PushedMessage)>, GoogleApiError> {
        // Without `returnImmediately` an empty subscription answers after a minute and a half.
        let most = most.min(MOST_PULLED);
        let ask = json!({ "maxMessages": most, "returnImmediately": true });
        let path = ["subscriptions", &format!("{subscription}:pull")];
        let answer: PullAnswer = self.api.post(&path, &ask).await?;
        let path = self.subscription_path(subscription);
        let unreadable = || GoogleApiError::Unreadable(self.api.host());
        let read = |received: ReceivedJson| {
            let (message, attempt) = (received.message, received.delivery_attempt);
            let message = message.read(path.clone(), attempt, Timestamp::UNIX_EPOCH);
            Ok((received.ack_id, message.map_err(|_| unreadable())?))
        };
        answer.received_messages.into_iter().map(read).collect()
    }

    /// Acks messages that were pulled: they are gone.
    pub async fn acknowledge(
        &self,
        subscription: &str,
        ids: &[String],
    ) -> Result<(), GoogleApiError> {
        let path = ["subscriptions", &format!("{subscription}:acknowledge")];
        for ids in ids.chunks(MOST_ACK_IDS) {
            let ask = json!({ "ackIds": ids });
            let _: Value = self.api.post(&path, &ask).await?;
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
        let path = [
            "subscriptions",
            &format!("{subscription}:modifyAckDeadline"),
        ];
        for ids in ids.chunks(MOST_ACK_IDS) {
            let ask = json!({ "ackIds": ids, "ackDeadlineSeconds": deadline.as_secs() });
            let _: Value = self.api.post(&path, &ask).await?;
        }
        Ok(())
    }

    /// Publishes one message to a topic (its short name); answers its id.
    pub async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<String, GoogleApiError> {
        let ask = json!({ "messages": [MessageJson::from(message)] });
        let path = ["topics", &format!("{topic}:publish")];
        let answer: Value = self.api.post(&path, &ask).await?;
        let id = answer["messageIds"][0].as_str();
        Ok(id.unwrap_or_default().to_owned())
    }
}
