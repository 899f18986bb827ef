//! A publisher that answers before the message is durable.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};

use crate::crash_simulation::services::USER_EVENTS;

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
        if self.dead_letters == (topic == USER_EVENTS) {
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
