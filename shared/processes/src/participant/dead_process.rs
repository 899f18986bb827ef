//! What an embedded engine may conclude at its start.

use fanout_runtime::Clock;
use fanout_store::{Comparison, Documents, Query, StoreError, end_leases};

use super::fence::STEP_FENCES;

/// Ends all leases of fences that still run, so that what is delivered next takes over; see
/// [`end_leases`].
pub async fn end_fences_of_dead_process(
    documents: &dyn Documents,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let now = clock.now();
    let held = Query::of(STEP_FENCES).only("lease_expires_at", Comparison::Greater, now);
    end_leases(documents, held, "lease_expires_at", now).await
}
