//! Something else is delivered in the middle of a delivery.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use fanout_store::{
    Collection, CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError,
    Write,
};
use serde_json::Value;

use super::delivered::outcome_of;

/// Documents at whose worst moment another event is delivered, and done.
pub(super) struct Meanwhile {
    inner: Arc<dyn Documents>,
    moment: Moment,
    other: Mutex<Option<(Router, Value)>>,
}

/// When the other event comes. Once only.
pub(super) enum Moment {
    /// When the first read of all has been answered.
    AfterTheFirstRead,
    /// Right before the first commit to this collection.
    BeforeACommitTo(&'static Collection),
}

impl Meanwhile {
    pub(super) fn new(
        inner: Arc<dyn Documents>,
        moment: Moment,
        app: Router,
        event: Value,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner,
            moment,
            other: Mutex::new(Some((app, event))),
        })
    }

    /// Whether the other event has come.
    pub(super) fn happened(&self) -> bool {
        self.other.lock().unwrap().is_none()
    }

    async fn deliver_the_other(&self) {
        let other = self.other.lock().unwrap().take();
        if let Some((app, event)) = other {
            assert_eq!(outcome_of(&app, &event).await, "done");
        }
    }

    async fn has_read(&self) {
        match self.moment {
            Moment::AfterTheFirstRead => self.deliver_the_other().await,
            Moment::BeforeACommitTo(_) => {}
        }
    }
}

#[async_trait]
impl Documents for Meanwhile {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        let found = self.inner.get_many(keys).await;
        self.has_read().await;
        found
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let found = self.inner.query(query).await;
        self.has_read().await;
        found
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        if let Moment::BeforeACommitTo(collection) = self.moment
            && writes.iter().any(|write| write.key.is_in(collection))
        {
            self.deliver_the_other().await;
        }
        self.inner.commit(writes).await
    }
}
