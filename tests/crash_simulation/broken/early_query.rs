//! A user's records as they were before it was read what guards them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use email_service::{EMAIL_RECIPIENTS, EMAILS};
use fanout_store::{
    CommitError, CommitReceipt, Comparison, Document, Documents, Key, Page, Query, StoreError,
    Write,
};

pub(super) struct EarlyQuery {
    inner: Arc<dyn Documents>,
    /// Records by user, as they were before the user's guard was last read.
    early: Mutex<BTreeMap<String, Page>>,
}

impl EarlyQuery {
    pub(super) fn new(inner: Arc<dyn Documents>) -> Self {
        let early = Mutex::default();
        Self { inner, early }
    }
}

#[async_trait]
impl Documents for EarlyQuery {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        for guard in keys.iter().filter(|key| key.is_in(EMAIL_RECIPIENTS)) {
            let records = Query::of(EMAILS).only("user_id", Comparison::Equal, guard.id());
            let page = self.inner.query(&records).await?;
            let mut early = self.early.lock().unwrap();
            early.insert(guard.id().to_owned(), page);
        }
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let asks_for = |user: &String| {
            let filter = query.filters.first();
            filter.is_some_and(|filter| filter.value == user.as_str().into())
        };
        if query.collection == EMAILS {
            let early = self.early.lock().unwrap();
            if let Some((_, page)) = early.iter().find(|(user, _)| asks_for(user)) {
                return Ok(page.clone());
            }
        }
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.inner.commit(writes).await
    }
}
