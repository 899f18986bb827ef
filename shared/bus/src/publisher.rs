//! The port for sending messages.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fanout_events::CE_TYPE;
use fanout_runtime::BoxError;

/// How long a caller waits for the bus to take one message. An adapter answers sooner: after an
/// answer that comes too late for its caller the event is sent again.
pub const PUBLISH_LIMIT: Duration = Duration::from_secs(10);

/// Sends messages to topics.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Publishes to a topic (its short name, `user-events`). The message is durable once this
    /// answers `Ok` with the bus's id for it.
    ///
    /// After an error, or if the call is dropped, the message may have been published all the same.
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError>;
}

/// A message to publish. `Debug` shows nothing of its payload, which holds addresses and names, nor of
/// attributes, which a dead letter has from whoever wrote it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The payload.
    pub data: Bytes,
    /// Names and values that the bus can route by.
    pub attributes: BTreeMap<String, String>,
    /// Messages with the same key keep their order; empty for none.
    pub ordering_key: String,
}

impl fmt::Debug for OutgoingMessage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OutgoingMessage")
            .field("type", &self.attributes.get(CE_TYPE))
            .field("ordering_key", &self.ordering_key)
            .field("attributes", &self.attributes.len())
            .field("bytes", &self.data.len())
            .finish()
    }
}

/// The bus's id of a message. Not an event's identity: the same event published twice has two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub String);

/// Why a message was not published, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The bus is down or does not take messages now. Trying again may work.
    #[error("the message bus is not available")]
    Unavailable(#[source] BoxError),
    /// The bus did not answer in time: the message may have been published, or be on its way still.
    #[error("the message bus did not answer in time")]
    NoAnswer(#[source] BoxError),
    /// The bus will never take this message: no such topic, not allowed, too large.
    #[error("the message bus refused the message")]
    Refused(#[source] BoxError),
}

impl PublishError {
    /// A stable slug for grouping.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::NoAnswer(_) => "no_answer",
            Self::Refused(_) => "refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_shown_shows_nothing_private() {
        let attributes = [(CE_TYPE, "user.created"), ("note", "for ada@example.com")];
        let message = OutgoingMessage {
            data: r#"{"email":"ada@example.com"}"#.into(),
            attributes: attributes.map(|(name, it)| (name.into(), it.into())).into(),
            ordering_key: "usr_1".to_owned(),
        };
        insta::assert_snapshot!(format!("{message:?}"), @r#"OutgoingMessage { type: Some("user.created"), ordering_key: "usr_1", attributes: 2, bytes: 27 }"#);
    }
}
