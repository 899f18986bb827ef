//! A store that falls silent at one commit: for whoever waits on it, the moment of a crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError, Write,
};
use tokio::sync::Notify;

/// Where a process crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CrashPoint {
    /// At its n-th commit, from 1.
    pub(super) commit: usize,
    /// Before the commit took effect, or after that and before the answer.
    pub(super) moment: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    BeforeItTookEffect,
    BeforeItsAnswer,
}

/// Never answers at the crash point. Drop whoever waits for it, then it has crashed there.
pub(super) struct StopsAnswering {
    inner: Arc<dyn Documents>,
    point: CrashPoint,
    commits: AtomicUsize,
    silent: Notify,
}

impl StopsAnswering {
    pub(super) fn new(inner: Arc<dyn Documents>, point: CrashPoint) -> Arc<Self> {
        Arc::new(Self {
            inner,
            point,
            commits: AtomicUsize::new(0),
            silent: Notify::new(),
        })
    }

    /// Returns once the crash point is reached.
    pub(super) async fn reached(&self) {
        self.silent.notified().await;
    }

    async fn never_answer<T>(&self) -> T {
        self.silent.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl Documents for StopsAnswering {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        let commit = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
        if commit != self.point.commit {
            return self.inner.commit(writes).await;
        }
        match self.point.moment {
            Moment::BeforeItTookEffect => self.never_answer().await,
            Moment::BeforeItsAnswer => {
                self.inner.commit(writes).await?;
                self.never_answer().await
            }
        }
    }
}
