//! What an embedded engine may conclude at its start.

use fanout_runtime::Clock;
use fanout_store::{
    CommitError, Comparison, Documents, Fields, Precondition, Query, StoreError, Write,
    all_documents,
};

use super::fence::STEP_FENCES;

/// Ends all leases of fences that still run, so that what is delivered next takes over instead of
/// waiting.
///
/// Only for a store that one process has to itself, at its start: every holder is dead then.
pub async fn end_fences_of_dead_process(
    documents: &dyn Documents,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let now = clock.now();
    let held = Query::of(STEP_FENCES).only("lease_expires_at", Comparison::Greater, now);
    for fence in all_documents(documents, held).await? {
        let ended = Fields::new().with("lease_expires_at", now);
        let write =
            Write::merge(fence.key, ended).only_if(Precondition::UpdatedAt(fence.update_time));
        match documents.commit(vec![write]).await {
            Ok(_) => {}
            Err(CommitError::Store(error)) => return Err(error),
            // A holder changed it meanwhile, so it is alive: the lease is its own.
            Err(CommitError::Conflict(_) | CommitError::Contention(_)) => {}
        }
    }
    Ok(())
}
