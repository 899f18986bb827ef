//! A `Publisher` whose calls go wrong.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};

use super::fault::PortCall;
use super::port::FaultyPort;

/// A publisher whose calls go wrong as a plan says.
pub struct FaultyPublisher {
    port: FaultyPort,
    inner: Arc<dyn Publisher>,
}

impl FaultyPublisher {
    /// This publisher, called through this port.
    pub fn new(port: FaultyPort, inner: Arc<dyn Publisher>) -> Self {
        Self { port, inner }
    }
}

#[async_trait]
impl Publisher for FaultyPublisher {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        let event = message.attributes.get("ce-id").map_or("", String::as_str);
        let call = PortCall {
            operation: "publisher.publish",
            detail: format!("{topic} {event}"),
            changes: true,
        };
        let (inner, topic) = (Arc::clone(&self.inner), topic.to_owned());
        let effect = async move { inner.publish(&topic, message).await };
        let lost = |_| PublishError::Unavailable("injected".into());
        let kind = |error: &PublishError| match error {
            PublishError::Unavailable(_) => "unavailable",
            PublishError::NoAnswer(_) => "no answer",
            PublishError::Refused(_) => "refused",
        };
        self.port.call(call, effect, lost, kind).await
    }
}
