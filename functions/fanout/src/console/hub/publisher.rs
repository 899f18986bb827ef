//! The bus as the services see it, with the page looking on.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_runtime::{Clock as _, SystemClock};

use super::{Hub, Publication};

/// Tells the hub what was published.
pub(crate) struct SeenPublisher {
    pub(crate) bus: Arc<dyn Publisher>,
    pub(crate) hub: Arc<Hub>,
}

#[async_trait]
impl Publisher for SeenPublisher {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        let told = Publication::of(topic, &message);
        let Some(told) = told.filter(|_| !topic.ends_with("-dead-letters")) else {
            return self.bus.publish(topic, message).await;
        };
        let event_id = told.event_id.clone();
        self.hub.publishing(told, SystemClock.now());
        let answer = self.bus.publish(topic, message).await;
        self.hub
            .published(&event_id, answer.is_ok(), SystemClock.now());
        answer
    }
}

impl Publication {
    /// What a message's attributes tell; one without an event's id is known by its message's only.
    pub(crate) fn of(topic: &str, message: &OutgoingMessage) -> Option<Self> {
        let attribute = |name: &str| message.attributes.get(name).cloned();
        Some(Self {
            event_id: attribute("ce-id")?,
            event_type: attribute(fanout_events::CE_TYPE).unwrap_or_default(),
            topic: topic.to_owned(),
            subject: attribute("ce-subject"),
            correlation_id: attribute(fanout_events::CORRELATION_ID),
            flow: attribute(fanout_events::FLOW),
        })
    }
}
