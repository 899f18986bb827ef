//! What an effect may see of the store.

use fanout_dedup::Mark;
use fanout_store::{Document, Documents, Key, Page, Query, ReadError, StoreError, all_documents};

/// What an effect may see of the store. Reads only.
pub struct View<'a> {
    documents: &'a dyn Documents,
    conflicts: u32,
}

impl<'a> View<'a> {
    pub(super) fn new(documents: &'a dyn Documents, conflicts: u32) -> Self {
        Self {
            documents,
            conflicts,
        }
    }

    /// How many plans for this event have met changed documents so far. At 0 a handler may plan for
    /// the usual case without reading, and so cost one round trip.
    pub fn conflicts(&self) -> u32 {
        self.conflicts
    }

    /// Reads a document.
    pub async fn get(&self, key: &Key) -> Result<Option<Document>, StoreError> {
        self.documents.get(key).await
    }

    /// Reads documents in one round trip, in the order of the keys.
    pub async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.documents.get_many(keys).await
    }

    /// How many tries of an event by a consumer may have acted and not lived to say so, if one that has
    /// not ended never does.
    pub async fn unanswered_of(&self, consumer: &str, event_id: &str) -> Result<u64, ReadError> {
        let mark = self.get(&Mark::key_of(consumer, event_id)).await?;
        let mark = mark.map(|it| Mark::from_fields(&it.fields)).transpose()?;
        Ok(mark.map_or(0, |mark| mark.unanswered_at_most()))
    }

    /// Reads a page of documents.
    pub async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.documents.query(query).await
    }

    /// Reads every document of a query, for results that are known to be few.
    pub async fn all(&self, query: Query) -> Result<Vec<Document>, StoreError> {
        all_documents(self.documents, query).await
    }
}
