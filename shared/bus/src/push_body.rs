//! The body of a push request: Google's wrapped format, read and written.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use fanout_events::{is_identifier, skip_byte_order_mark};
use fanout_runtime::{Timestamp, TraceContext};
use serde::{Deserialize, Serialize};

use crate::{OutgoingMessage, trace_of};

/// One delivery of one message to one subscription.
#[derive(Clone, PartialEq, Eq)]
pub struct PushedMessage {
    /// The bus's id of the message.
    pub message_id: String,
    /// When the bus took it.
    pub publish_time: Timestamp,
    /// The payload.
    pub data: Bytes,
    /// Names and values from the publisher.
    pub attributes: BTreeMap<String, String>,
    /// Empty for none.
    pub ordering_key: String,
    /// `projects/P/subscriptions/S`.
    pub subscription: String,
    /// From 1; only a subscription with a dead-letter topic counts.
    pub delivery_attempt: Option<u32>,
}

/// Why a request's body is no push. Shows nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPush {
    /// The body is not JSON of a push's shape.
    #[error(
        "the body is not a Pub/Sub push envelope: it needs `message` with `messageId`, and `subscription`"
    )]
    Shape,
    /// The message's id is none that Pub/Sub would give.
    #[error("the push's `messageId` is not usable as an id")]
    MessageId,
    /// `message.data` is not base64.
    #[error("the push envelope's `message.data` is not base64")]
    Base64,
    /// The publish time is not a time.
    #[error("the push's `publishTime` is not an RFC 3339 time")]
    Time,
    /// An unwrapped push of which nothing is said.
    #[error("the push has no `x-goog-pubsub-message-id`: its subscription must write metadata")]
    NoMetadata,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PushBody {
    message: MessageJson,
    subscription: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivery_attempt: Option<u32>,
}

/// A message in Google's JSON, as it is published, pulled and pushed. What is empty is absent. A push
/// has both spellings of two names, and either is enough to read.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageJson {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    data: String,
    #[serde(rename = "messageId", skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(rename = "message_id", skip_serializing_if = "Option::is_none")]
    message_id_snake: Option<String>,
    #[serde(rename = "orderingKey", skip_serializing_if = "String::is_empty")]
    ordering_key: String,
    #[serde(rename = "publishTime", skip_serializing_if = "Option::is_none")]
    publish_time: Option<String>,
    #[serde(rename = "publish_time", skip_serializing_if = "Option::is_none")]
    publish_time_snake: Option<String>,
}

/// A message that was pulled, in Google's JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedJson {
    /// What acks it.
    pub ack_id: String,
    /// The message.
    pub message: MessageJson,
    /// See [`PushedMessage::delivery_attempt`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_attempt: Option<u32>,
}

impl From<OutgoingMessage> for MessageJson {
    fn from(message: OutgoingMessage) -> Self {
        Self {
            attributes: message.attributes,
            data: STANDARD.encode(&message.data),
            ordering_key: message.ordering_key,
            ..Self::default()
        }
    }
}

impl From<&PushedMessage> for MessageJson {
    fn from(message: &PushedMessage) -> Self {
        let time = message.publish_time;
        Self {
            attributes: message.attributes.clone(),
            data: STANDARD.encode(&message.data),
            message_id: Some(message.message_id.clone()),
            ordering_key: message.ordering_key.clone(),
            publish_time: Some(time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            ..Self::default()
        }
    }
}

impl MessageJson {
    fn message_id(&self) -> Result<&str, NotAPush> {
        let id = self.message_id.as_ref().or(self.message_id_snake.as_ref());
        match id.map(String::as_str) {
            None | Some("") => Err(NotAPush::Shape),
            Some(id) if is_identifier(id) => Ok(id),
            Some(_) => Err(NotAPush::MessageId),
        }
    }

    /// The message, as it is delivered to `subscription`. `received_at` stands in for a publish time
    /// that is missing.
    pub fn read(
        self,
        subscription: String,
        delivery_attempt: Option<u32>,
        received_at: Timestamp,
    ) -> Result<PushedMessage, NotAPush> {
        let time = self
            .publish_time
            .as_ref()
            .or(self.publish_time_snake.as_ref());
        let time = time.map(|text| DateTime::parse_from_rfc3339(text));
        let time = time.transpose().map_err(|_| NotAPush::Time)?;
        let data = STANDARD.decode(&self.data).map_err(|_| NotAPush::Base64)?;
        Ok(PushedMessage {
            message_id: self.message_id()?.to_owned(),
            publish_time: time.map_or(received_at, Timestamp::from),
            data: data.into(),
            attributes: self.attributes,
            ordering_key: self.ordering_key,
            subscription,
            delivery_attempt,
        })
    }
}

/// A push request's body that has the shape of one. The message in it may not be readable.
pub struct PushEnvelope(PushBody);

impl PushEnvelope {
    /// Reads the shape, and the id of the message.
    pub fn from_json(body: &[u8]) -> Result<Self, NotAPush> {
        // All of it is checked to be UTF-8 at once: text by text costs more.
        let json = std::str::from_utf8(skip_byte_order_mark(body)).map_err(|_| NotAPush::Shape)?;
        let body: PushBody = serde_json::from_str(json).map_err(|_| NotAPush::Shape)?;
        body.message.message_id()?;
        Ok(Self(body))
    }

    /// The bus's id of the message.
    pub fn message_id(&self) -> &str {
        self.0.message.message_id().unwrap_or_default()
    }

    /// See [`PushedMessage::delivery_attempt`].
    pub fn delivery_attempt(&self) -> Option<u32> {
        self.0.delivery_attempt
    }

    /// The trace that the publisher began.
    pub fn trace(&self) -> Option<TraceContext> {
        trace_of(&self.0.message.attributes)
    }

    /// The message. `received_at` stands in for a publish time that is missing.
    pub fn into_message(self, received_at: Timestamp) -> Result<PushedMessage, NotAPush> {
        let PushBody {
            message,
            subscription,
            delivery_attempt,
        } = self.0;
        message.read(subscription, delivery_attempt, received_at)
    }
}

impl PushedMessage {
    /// Reads a push request's body. `received_at` stands in for a publish time that is missing.
    pub fn from_json(body: &[u8], received_at: Timestamp) -> Result<Self, NotAPush> {
        PushEnvelope::from_json(body)?.into_message(received_at)
    }

    /// The body as Google's push writes it: absent where empty, both spellings of the doubled names.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut message = MessageJson::from(self);
        message.message_id_snake = message.message_id.clone();
        message.publish_time_snake = message.publish_time.clone();
        serde_json::to_vec(&PushBody {
            message,
            subscription: self.subscription.clone(),
            delivery_attempt: self.delivery_attempt,
        })
    }
}

/// `Debug` shows the ids only: the data holds addresses and names.
impl std::fmt::Debug for PushedMessage {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("PushedMessage")
            .field("message_id", &self.message_id)
            .field("subscription", &self.subscription)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time() -> Timestamp {
        "2026-11-20T19:08:15.424Z".parse().unwrap()
    }

    fn full() -> PushedMessage {
        PushedMessage {
            message_id: "17".to_owned(),
            publish_time: time(),
            data: "hello".into(),
            attributes: [("k".to_owned(), "v".to_owned())].into(),
            ordering_key: "usr_1".to_owned(),
            subscription: "projects/p/subscriptions/s".to_owned(),
            delivery_attempt: Some(2),
        }
    }

    #[test]
    fn a_full_push_is_written_with_googles_names() {
        let body: serde_json::Value = serde_json::from_slice(&full().to_json().unwrap()).unwrap();
        insta::assert_json_snapshot!(body);
    }

    #[test]
    fn an_empty_push_leaves_the_empty_fields_out() {
        let empty = PushedMessage {
            data: Bytes::new(),
            attributes: BTreeMap::new(),
            ordering_key: String::new(),
            delivery_attempt: None,
            ..full()
        };
        let body: serde_json::Value = serde_json::from_slice(&empty.to_json().unwrap()).unwrap();
        insta::assert_json_snapshot!(body);
        assert_eq!(
            PushedMessage::from_json(&empty.to_json().unwrap(), time()),
            Ok(empty)
        );
    }

    #[test]
    fn what_was_written_is_read_back() {
        assert_eq!(
            PushedMessage::from_json(&full().to_json().unwrap(), time()),
            Ok(full())
        );
    }

    #[test]
    fn the_emulators_body_is_read_with_either_spelling() {
        let both = br#"{"subscription":"projects\/demo\/subscriptions\/sub1","message":{"publishTime":"2026-11-20T19:08:15.424Z","data":"aGVsbG8=","publish_time":"2026-11-20T19:08:15.424Z","messageId":"1","attributes":{"k":"v"},"message_id":"1"}}"#;
        let snake = br#"{"subscription":"projects/demo/subscriptions/sub1","message":{"publish_time":"2026-11-20T19:08:15.424Z","data":"aGVsbG8=","attributes":{"k":"v"},"message_id":"1"}}"#;
        let read = |body: &[u8]| PushedMessage::from_json(body, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(read(both), read(snake));
        assert_eq!(read(both).data, "hello");
    }

    #[test]
    fn a_byte_order_mark_and_what_nothing_reads_harm_nothing() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let body = format!(
            "\u{feff}{{\"subscription\":\"s\",\"x\":1e400,\"message\":{{\"messageId\":\"1\",\"y\":{deep}}}}}"
        );
        let message = PushedMessage::from_json(body.as_bytes(), time()).unwrap();
        assert_eq!(message.message_id, "1");
    }

    #[test]
    fn what_is_no_push_is_named() {
        let not_a_push =
            |body: &str| PushedMessage::from_json(body.as_bytes(), time()).unwrap_err();
        for body in [
            "",
            "[]",
            "{}",
            "nonsense",
            r#"{"message":{}}"#,
            r#"{"message":{"data":"aGVsbG8="},"subscription":"s"}"#,
        ] {
            assert_eq!(not_a_push(body), NotAPush::Shape, "{body}");
        }
        let named = r#"{"message":{"messageId":"ada@example.com"},"subscription":"s"}"#;
        assert_eq!(not_a_push(named), NotAPush::MessageId);
        let base64 = r#"{"message":{"messageId":"1","data":"%%%"},"subscription":"s"}"#;
        assert_eq!(not_a_push(base64), NotAPush::Base64);
        let when = r#"{"message":{"messageId":"1","publishTime":"noon"},"subscription":"s"}"#;
        assert_eq!(not_a_push(when), NotAPush::Time);
    }
}
