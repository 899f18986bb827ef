//! How many calls of the `Documents` port something costs.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use fanout_store::{
    Collection, CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError,
    Write,
};

/// Passes every call on and counts it.
pub struct CountingDocuments {
    inner: Arc<dyn Documents>,
    counted: Mutex<Counted>,
}

/// Calls of the port, by kind. One call is one round trip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PortCalls {
    /// [`Documents::get`] and [`Documents::get_many`].
    pub gets: usize,
    /// [`Documents::query`]
    pub queries: usize,
    /// [`Documents::commit`], whatever the answer.
    pub commits: usize,
}

#[derive(Default)]
struct Counted {
    calls: PortCalls,
    /// The keys of each commit that has taken effect.
    commits: Vec<Vec<Key>>,
}

impl CountingDocuments {
    /// Counts the calls to `inner`, from 0.
    pub fn new(inner: Arc<dyn Documents>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            counted: Mutex::default(),
        })
    }

    /// The calls so far, since the last [`Self::take_calls`].
    pub fn calls(&self) -> PortCalls {
        self.with(|counted| counted.calls)
    }

    /// The calls since the start, or since this was asked the last time.
    pub fn take_calls(&self) -> PortCalls {
        self.with(|counted| std::mem::take(&mut counted.calls))
    }

    /// How many writes to a collection have taken effect since the start.
    pub fn writes_to(&self, collection: &Collection) -> usize {
        let written = self.written_keys();
        written.iter().filter(|key| key.is_in(collection)).count()
    }

    /// The keys of all writes that have taken effect since the start.
    pub fn written_keys(&self) -> Vec<Key> {
        self.with(|counted| counted.commits.concat())
    }

    /// What was written together with this document, itself included, by the first commit that wrote
    /// it.
    pub fn written_with(&self, key: &Key) -> Vec<Key> {
        self.with(|counted| {
            let mut commits = counted.commits.iter();
            let found = commits.find(|commit| commit.contains(key));
            found.cloned().unwrap_or_default()
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Counted) -> T) -> T {
        work(&mut self.counted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Documents for CountingDocuments {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.with(|counted| counted.calls.gets += 1);
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.with(|counted| counted.calls.queries += 1);
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.with(|counted| counted.calls.commits += 1);
        let keys: Vec<_> = writes.iter().map(|it| it.key.clone()).collect();
        let receipt = self.inner.commit(writes).await?;
        self.with(|counted| counted.commits.push(keys));
        Ok(receipt)
    }
}
