//! What an embedded engine may conclude at its start.

use std::time::Duration;

use chrono::TimeDelta;
use fanout_runtime::Clock;

use super::mark::{MarkState, PROCESSED_EVENTS};
use fanout_store::{
    CommitError, Comparison, Documents, Fields, Precondition, Query, StoreError, Write,
    all_documents,
};

/// Ends all leases that still run, so that the next delivery of each event takes over instead of
/// waiting.
///
/// Only for a store that one process has to itself, at its start: every holder is dead then.
/// Anywhere else the holder may be alive, and the event would be acted on twice.
pub async fn expire_claims_of_dead_process(
    documents: &dyn Documents,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let held = Query::of(PROCESSED_EVENTS).only(
        "state",
        Comparison::Equal,
        MarkState::Processing.as_str(),
    );
    let a_moment = TimeDelta::from_std(Duration::from_millis(1)).unwrap_or_default();
    let ended = clock.now() - a_moment;
    for mark in all_documents(documents, held).await? {
        let ends = mark.fields.timestamp("lease_expires_at");
        if ends.is_ok_and(|ends| ends <= ended) {
            continue;
        }
        let expired = Fields::new().with("lease_expires_at", ended);
        let write =
            Write::merge(mark.key, expired).only_if(Precondition::UpdatedAt(mark.update_time));
        match documents.commit(vec![write]).await {
            Ok(_) => {}
            Err(CommitError::Store(error)) => return Err(error),
            // A holder changed it meanwhile, so it is alive: the lease is its own.
            Err(CommitError::Conflict(_) | CommitError::Contention(_)) => {}
        }
    }
    Ok(())
}
