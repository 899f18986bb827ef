//! A process that dies at a chosen step: from there on nothing it asks for is answered.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError, Write,
};
use tokio::sync::{Mutex, Notify};

use super::service::Service;

/// At which call to store or bus a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Death {
    /// From 0.
    pub(crate) call: u32,
    /// Whether that call still has its effect.
    pub(crate) effective: bool,
}

/// Counts the calls of one process.
struct Steps {
    death: Death,
    made: AtomicU32,
    turn: Mutex<()>,
    died: Notify,
}

/// A process that dies when told.
pub(crate) struct Mortal {
    pub(crate) service: Service,
    steps: Arc<Steps>,
}

struct MortalDocuments(Arc<dyn Documents>, Arc<Steps>);
struct MortalPublisher(Arc<dyn Publisher>, Arc<Steps>);

impl Death {
    /// Beyond every request.
    pub(crate) const NEVER: Self = Self {
        call: u32::MAX,
        effective: false,
    };
}

impl Mortal {
    /// An instance of the service beside `service`, on the same store and bus.
    pub(crate) fn beside(service: &Service, death: Death) -> Self {
        let steps = Arc::new(Steps {
            death,
            made: AtomicU32::new(0),
            turn: Mutex::default(),
            died: Notify::new(),
        });
        let documents = MortalDocuments(Arc::clone(&service.documents), Arc::clone(&steps));
        let publisher = MortalPublisher(service.bus.clone(), Arc::clone(&steps));
        Self {
            service: service.beside(Arc::new(documents), Arc::new(publisher)),
            steps,
        }
    }

    /// How often store and bus have been called so far.
    pub(crate) fn calls(&self) -> u32 {
        self.steps.made.load(Ordering::SeqCst)
    }

    /// Runs the work, and what is left to tidy up after it, until it is done or the process dies.
    /// True if it lived.
    pub(crate) async fn survives<T>(&self, work: impl Future<Output = T>) -> bool {
        let all = async {
            work.await;
            self.service.outbox.drain().await;
        };
        tokio::select! {
            () = all => true,
            () = self.steps.died.notified() => false,
        }
    }
}

impl Steps {
    /// Makes a call, unless the process dies at it or is dead.
    async fn make<T>(&self, call: impl Future<Output = T>) -> T {
        // One after the other: a call that is dropped on its way when the process dies would have
        // its effect at any later time.
        let _turn = self.turn.lock().await;
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        if number < self.death.call {
            return call.await;
        }
        if number == self.death.call && self.death.effective {
            call.await;
        }
        self.died.notify_one();
        pending().await
    }
}

#[async_trait]
impl Documents for MortalDocuments {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.1.make(self.0.get_many(keys)).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.1.make(self.0.query(query)).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.1.make(self.0.commit(writes)).await
    }
}

#[async_trait]
impl Publisher for MortalPublisher {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        self.1.make(self.0.publish(topic, message)).await
    }
}
