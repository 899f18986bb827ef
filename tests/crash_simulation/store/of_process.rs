//! The store as one process has it that opened its file: what it has not done when it dies, it never
//! does.

use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError, Write,
};
use fanout_testkit::faults::Process;

use super::WatchedDocuments;

pub(crate) struct OfProcess {
    process: Arc<Process>,
    inner: Arc<WatchedDocuments>,
}

impl OfProcess {
    pub(crate) fn new(process: Arc<Process>, inner: Arc<WatchedDocuments>) -> Self {
        Self { process, inner }
    }

    async fn ends_here_if_dead(&self) {
        if self.process.has_crashed() {
            pending().await
        }
    }
}

#[async_trait]
impl Documents for OfProcess {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.ends_here_if_dead().await;
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.ends_here_if_dead().await;
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.ends_here_if_dead().await;
        self.inner.commit(writes).await
    }
}
