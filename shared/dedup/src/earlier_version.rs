//! What an earlier version has left behind.

use super::mark::PROCESSED_EVENTS;
use fanout_store::{Comparison, Documents, Query, StoreError};

/// Whether these documents are of the version that deleted published events instead of keeping them:
/// its marks say of themselves that they are done. What waits in its outbox would wait for ever here.
pub async fn is_of_an_earlier_version(documents: &dyn Documents) -> Result<bool, StoreError> {
    let done = Query::of(PROCESSED_EVENTS)
        .only("state", Comparison::Equal, "done")
        .limit(1);
    Ok(!documents.query(&done).await?.documents.is_empty())
}
