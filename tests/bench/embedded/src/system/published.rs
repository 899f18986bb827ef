//! How many events are published: an answered sign-up may still be on its way to the bus.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use tokio::sync::watch;

/// Events that the bus has taken.
#[derive(Default)]
pub(super) struct Published(watch::Sender<usize>);

impl Published {
    /// The same publisher, counted.
    pub(super) fn told_by(self: &Arc<Self>, publisher: Arc<dyn Publisher>) -> Arc<dyn Publisher> {
        let published = Arc::clone(self);
        Arc::new(Told {
            publisher,
            published,
        })
    }

    /// Waits until the bus has taken so many.
    pub(super) async fn at_least(&self, count: usize) {
        let mut published = self.0.subscribe();
        // The sender is `self`: it does not go away.
        let _ = published.wait_for(|published| *published >= count).await;
    }
}

struct Told {
    publisher: Arc<dyn Publisher>,
    published: Arc<Published>,
}

#[async_trait]
impl Publisher for Told {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        let taken = self.publisher.publish(topic, message).await?;
        self.published.0.send_modify(|published| *published += 1);
        Ok(taken)
    }
}
