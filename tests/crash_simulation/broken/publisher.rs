//! Publishers that answer before the message is durable, or send it elsewhere.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_contracts::user::TOPIC as USER_EVENTS;

/// How long messages wait in the process's memory, as in a client that sends batches.
const BUFFERED: Duration = Duration::from_secs(1);

pub(super) struct HastyPublisher {
    /// Hasty with dead letters; else with the events themselves.
    pub(super) dead_letters: bool,
    pub(super) inner: Arc<dyn Publisher>,
}

#[async_trait]
impl Publisher for HastyPublisher {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        if self.dead_letters != topic.ends_with("-dead-letters") {
            return self.inner.publish(topic, message).await;
        }
        let (inner, topic) = (Arc::clone(&self.inner), topic.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(BUFFERED).await;
            inner.publish(&topic, message).await
        });
        Ok(MessageId("buffered".to_owned()))
    }
}

/// Knows no topic but the one of user-service.
pub(super) struct OneTopic(pub(super) Arc<dyn Publisher>);

#[async_trait]
impl Publisher for OneTopic {
    async fn publish(&self, _: &str, message: OutgoingMessage) -> Result<MessageId, PublishError> {
        self.0.publish(USER_EVENTS, message).await
    }
}
