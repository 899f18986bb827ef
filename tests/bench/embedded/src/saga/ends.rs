//! When sagas end: seen where the fact that says so is published.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_events::EventType as _;
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use super::events::{Ended, FACTS};

/// Who waits for which saga, and how many have ended.
#[derive(Default)]
pub(super) struct Ends {
    waiting: Mutex<HashMap<String, oneshot::Sender<()>>>,
    ended: watch::Sender<usize>,
}

impl Ends {
    /// The end of a saga that has not begun.
    pub(super) fn of(&self, saga: &str) -> oneshot::Receiver<()> {
        let (ended, end) = oneshot::channel();
        let waiting = self.waiting.lock();
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        waiting.insert(saga.to_owned(), ended);
        end
    }

    /// How many have ended in this process.
    pub(super) fn so_far(&self) -> usize {
        *self.ended.borrow()
    }

    /// Waits until so many have.
    pub(super) async fn until(&self, count: usize) {
        let mut ended = self.ended.subscribe();
        // The sender is `self`: it does not go away.
        let _ = ended.wait_for(|ended| *ended >= count).await;
    }

    /// The same publisher, listened to.
    pub(super) fn told_by(self: &Arc<Self>, publisher: Arc<dyn Publisher>) -> Arc<dyn Publisher> {
        let ends = Arc::clone(self);
        Arc::new(Told { publisher, ends })
    }

    fn ended(&self, event: &[u8]) {
        let event: Value = serde_json::from_slice(event).unwrap_or_default();
        if event["type"] != Ended::TYPE {
            return;
        }
        self.ended.send_modify(|ended| *ended += 1);
        let saga = event["data"]["saga"].as_str().unwrap_or_default();
        let waiting = self.waiting.lock();
        let waiting = waiting.unwrap_or_else(PoisonError::into_inner).remove(saga);
        if let Some(waiting) = waiting {
            // Who waited may have given up.
            let _ = waiting.send(());
        }
    }
}

struct Told {
    publisher: Arc<dyn Publisher>,
    ends: Arc<Ends>,
}

#[async_trait]
impl Publisher for Told {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        if topic == FACTS {
            // Its saga's last commit is on disk.
            self.ends.ended(&message.data);
        }
        self.publisher.publish(topic, message).await
    }
}
