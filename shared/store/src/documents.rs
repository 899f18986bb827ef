//! The port.

use async_trait::async_trait;
use fanout_runtime::BoxError;

use crate::{Document, Key, Page, Query, UpdateTime, Write};

/// A store of documents. Everything this system keeps goes through these calls.
///
/// A call that is dropped before it answers may or may not have taken effect.
#[async_trait]
pub trait Documents: Send + Sync + 'static {
    /// The document, or `None`. Reads what was committed before the call.
    async fn get(&self, key: &Key) -> Result<Option<Document>, StoreError> {
        let found = self.get_many(std::slice::from_ref(key)).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// These documents, in the order of the keys. One round trip.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError>;

    /// One page of a query.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;

    /// Makes all of the writes or none. Durable once it answers `Ok`. One round trip.
    ///
    /// A document may occur once only in a commit.
    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError>;

    /// The same of writes that something durable asks for again, should they be lost: once it answers
    /// `Ok`, no end of the process takes them, but a loss of power may, with all that was committed
    /// after them. For a store that has nothing to gain from that, a commit like any other.
    async fn commit_lazily(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.commit(writes).await
    }
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitReceipt {
    /// The version each write left behind, in the order of the writes; `None` after a delete.
    pub update_times: Vec<Option<UpdateTime>>,
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store does not answer, or not now. Trying again may work.
    #[error("the document store is not available")]
    Unavailable(#[source] BoxError),
    /// The store will never take this request: a fault in the program or its permissions.
    #[error("the document store refused the request")]
    Refused(#[source] BoxError),
}

/// Why a commit did not happen, or may not have.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A precondition did not hold; nothing was written.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// Others write the same documents; nothing was written. Trying again after a moment may work.
    #[error("too many writers on the same documents")]
    Contention(#[source] BoxError),
    /// Any other failure. After [`StoreError::Unavailable`] the commit may have taken effect.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The first precondition, in the order of the writes, that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write {index}, {key}: {violation}")]
pub struct Conflict {
    /// The write's place in the commit, from 0.
    pub index: usize,
    /// The document.
    pub key: Key,
    /// What did not hold.
    pub violation: Violation,
}

/// How a document's state and a precondition differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It exists and must not.
    #[error("already exists")]
    AlreadyExists,
    /// It does not exist and must ([`crate::Precondition::Exists`]).
    #[error("does not exist")]
    Missing,
    /// It has another version, or is gone ([`crate::Precondition::UpdatedAt`]).
    #[error("has changed or is gone")]
    Changed,
}
