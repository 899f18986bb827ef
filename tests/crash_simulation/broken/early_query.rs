//! A user's records as they were before it was read what guards them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use email_service::{EMAIL_RECIPIENTS, EMAILS};
use fanout_store::{
    CommitError, CommitReceipt, Comparison, Document, Documents, Key, Page, Query, StoreError,
    Write,
};

use crate::crash_simulation::sim::DELIVERY;

pub(super) struct EarlyQuery {
    inner: Arc<dyn Documents>,
    /// Records, by the delivery whose handler finds them so: as they were before it read the guard.
    early: Mutex<BTreeMap<u64, Page>>,
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
            if let Ok(delivery) = DELIVERY.try_with(|delivery| *delivery) {
                self.early.lock().unwrap().insert(delivery, page);
            }
        }
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        if query.collection == EMAILS
            && let Ok(delivery) = DELIVERY.try_with(|delivery| *delivery)
            && let Some(page) = self.early.lock().unwrap().remove(&delivery)
        {
            return Ok(page);
        }
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.inner.commit(writes).await
    }
}
