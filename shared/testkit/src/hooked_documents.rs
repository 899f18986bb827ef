//! A `Documents` to whose commits something happens first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError, Write,
};

/// What a hook makes of a commit.
#[derive(Debug)]
pub enum HookedCommit {
    /// It is made.
    Made,
    /// It is made, and its answer is lost.
    AnswerLost,
    /// It is answered with this, and not made.
    Fails(CommitError),
}

/// What happens before a commit, and what becomes of it.
#[async_trait]
pub trait CommitHook: Send + Sync + 'static {
    /// Called before the `number`th commit, from 1, with its writes.
    async fn before(&self, number: usize, writes: &[Write]) -> HookedCommit;
}

/// Documents with a hook before each commit.
pub struct HookedDocuments<H> {
    inner: Arc<dyn Documents>,
    hook: H,
    commits: AtomicUsize,
}

impl<H: CommitHook> HookedDocuments<H> {
    /// These documents, with this hook.
    pub fn new(inner: Arc<dyn Documents>, hook: H) -> Arc<Self> {
        Arc::new(Self {
            inner,
            hook,
            commits: AtomicUsize::new(0),
        })
    }

    /// How many commits there were so far.
    pub fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl<H: CommitHook> Documents for HookedDocuments<H> {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        match self.hook.before(number, &writes).await {
            HookedCommit::Made => self.inner.commit(writes).await,
            HookedCommit::AnswerLost => {
                self.inner.commit(writes).await?;
                Err(StoreError::Unavailable("the answer was lost".into()).into())
            }
            HookedCommit::Fails(error) => Err(error),
        }
    }
}
