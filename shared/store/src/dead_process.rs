//! What an embedded engine may conclude at its start.

use fanout_runtime::Timestamp;

use crate::{
    CommitError, Documents, Fields, Precondition, Query, StoreError, Write, all_documents,
};

/// Lets the leases of a dead process end at this moment, so that the next holder takes over instead of
/// waiting. `held` finds their documents, and `field` is the one with a lease's end.
///
/// Only for a store that one process has to itself, at its start: every holder is dead then.
/// Anywhere else the holder may be alive, and its work would be done twice.
pub async fn end_leases(
    documents: &dyn Documents,
    held: Query,
    field: &'static str,
    end: Timestamp,
) -> Result<(), StoreError> {
    for lease in all_documents(documents, held).await? {
        let ends = lease.fields.timestamp(field);
        if ends.is_ok_and(|ends| ends <= end) {
            continue;
        }
        let version = Precondition::UpdatedAt(lease.update_time);
        let write = Write::merge(lease.key, Fields::new().with(field, end)).only_if(version);
        match documents.commit(vec![write]).await {
            Ok(_) => {}
            Err(CommitError::Store(error)) => return Err(error),
            // A holder changed it meanwhile, so it is alive: the lease is its own.
            Err(CommitError::Conflict(_) | CommitError::Contention(_)) => {}
        }
    }
    Ok(())
}
