//! What an embedded engine may conclude at its start.

use chrono::TimeDelta;
use fanout_runtime::Clock;
use fanout_store::{Comparison, Documents, Query, StoreError, end_leases};

use super::mark::{MarkState, PROCESSED_EVENTS};

/// Ends all claims that still run, so that the next delivery of each event takes over; see
/// [`end_leases`].
pub async fn expire_claims_of_dead_process(
    documents: &dyn Documents,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let processing = MarkState::Processing.as_str();
    let held = Query::of(PROCESSED_EVENTS).only("state", Comparison::Equal, processing);
    let end = clock.now() - TimeDelta::milliseconds(1);
    end_leases(documents, held, "lease_expires_at", end).await
}
