//! What an embedded engine may conclude at its start.

use fanout_runtime::Clock;
use fanout_store::{Documents, Query, StoreError, end_leases};

use crate::lease::OUTBOX_LEASES;

/// Ends all leases that still run, so that the relay publishes what waits at once; see [`end_leases`].
/// There are as many as the process had events under way when it died; those that an earlier start has
/// ended, or that were left behind without a row, hold up no start again.
pub async fn end_leases_of_dead_process(
    documents: &dyn Documents,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let all = Query::of(OUTBOX_LEASES);
    end_leases(documents, all, "expires_at", clock.now()).await
}
