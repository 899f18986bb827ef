//! What an embedded engine may conclude at its start.

use fanout_runtime::Clock;
use fanout_store::{
    CommitError, Documents, Fields, Precondition, Query, StoreError, Write, all_documents,
};

use crate::lease::OUTBOX_LEASES;

/// Ends all leases that still run, so that the relay publishes what waits at once. There are as many
/// as the process had events under way when it died; those that an earlier start has ended, or that
/// were left behind without a row, hold up no start again.
///
/// Only for a store that one process has to itself, at its start: every holder is dead then.
pub async fn end_leases_of_dead_process(
    documents: &dyn Documents,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    for lease in all_documents(documents, Query::of(OUTBOX_LEASES)).await? {
        let now = clock.now();
        let ends = lease.fields.timestamp("expires_at");
        if ends.is_ok_and(|ends| ends <= now) {
            continue;
        }
        let ended = Fields::new().with("expires_at", now);
        let write =
            Write::merge(lease.key, ended).only_if(Precondition::UpdatedAt(lease.update_time));
        match documents.commit(vec![write]).await {
            Ok(_) => {}
            Err(CommitError::Store(error)) => return Err(error),
            // A holder changed it meanwhile, so it is alive: the lease is its own.
            Err(CommitError::Conflict(_) | CommitError::Contention(_)) => {}
        }
    }
    Ok(())
}
