//! A `Documents` whose calls go wrong.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_store::{
    CommitError, CommitReceipt, Content, Document, Documents, Key, Page, Precondition, Query,
    StoreError, Write,
};

use super::fault::PortCall;
use super::port::FaultyPort;

/// Documents whose calls go wrong as a plan says.
pub struct FaultyDocuments {
    port: FaultyPort,
    inner: Arc<dyn Documents>,
}

impl FaultyDocuments {
    /// These documents, called through this port.
    pub fn new(port: FaultyPort, inner: Arc<dyn Documents>) -> Self {
        Self { port, inner }
    }
}

fn unavailable(took_effect: bool) -> StoreError {
    StoreError::Unavailable(
        if took_effect {
            "injected: answer lost"
        } else {
            "injected: failed"
        }
        .into(),
    )
}

fn store_error(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Refused(_) => "refused",
    }
}

fn commit_error(error: &CommitError) -> &'static str {
    match error {
        CommitError::Conflict(_) => "conflict",
        CommitError::Contention(_) => "contention",
        CommitError::Store(error) => store_error(error),
    }
}

#[async_trait]
impl Documents for FaultyDocuments {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        let call = PortCall {
            operation: "documents.get",
            detail: keys.iter().map(short).collect::<Vec<_>>().join(", "),
            changes: false,
        };
        let (inner, keys) = (Arc::clone(&self.inner), keys.to_vec());
        let effect = async move { inner.get_many(&keys).await };
        self.port.call(call, effect, unavailable, store_error).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let call = PortCall {
            operation: "documents.query",
            detail: query.collection.name.to_owned(),
            changes: false,
        };
        let (inner, query) = (Arc::clone(&self.inner), query.clone());
        let effect = async move { inner.query(&query).await };
        self.port.call(call, effect, unavailable, store_error).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        let call = PortCall {
            operation: "documents.commit",
            detail: writes.iter().map(shown).collect::<Vec<_>>().join(", "),
            changes: true,
        };
        let inner = Arc::clone(&self.inner);
        let effect = async move { inner.commit(writes).await };
        let lost = |took_effect| unavailable(took_effect).into();
        self.port.call(call, effect, lost, commit_error).await
    }
}

/// A write for the trace: what it does, to what, and the state a mark gets. Versions are left out:
/// they are the store's own affair.
fn shown(write: &Write) -> String {
    let verb = match (&write.content, write.precondition) {
        (Content::Delete, _) => "delete",
        (Content::Set(_), Precondition::Absent) => "create",
        (Content::Set(_), _) => "set",
        (Content::Merge(..), _) => "merge",
    };
    let guard = match write.precondition {
        Precondition::UpdatedAt(_) => " if unchanged",
        Precondition::Exists => " if it exists",
        Precondition::None | Precondition::Absent => "",
    };
    let state = match &write.content {
        Content::Set(fields) => fields.text("state").ok(),
        Content::Merge(..) | Content::Delete => None,
    };
    let state = state.map(|state| format!(" ({state})")).unwrap_or_default();
    format!("{verb} {}{state}{guard}", short(&write.key))
}

/// The key, with digests cut to what tells them apart for a reader.
fn short(key: &Key) -> String {
    if key.declared().private {
        return key.to_string();
    }
    let id: String = match key.id().split_once(':') {
        Some((consumer, digest)) => format!("{consumer}:{}", digest.get(..8).unwrap_or(digest)),
        None => key.id().chars().take(30).collect(),
    };
    format!("{}/{id}", key.collection())
}
