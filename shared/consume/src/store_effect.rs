//! Effects in the store: mark and effect in one commit, no read before it.

use fanout_dedup::{Predecessor, RecordError, Standing};

use super::consumer::{Failure, Plan, StoreEffect, View};
use super::outcome::{Outcome, ParkReason};
use super::pipeline::{Delivery, Pipeline};

/// How often writes are planned again because documents changed under them, before the delivery is
/// given back to Pub/Sub.
pub(super) const MAX_CONFLICTS: u32 = 5;

impl Pipeline {
    pub(super) async fn react_in_store(
        &self,
        delivery: &Delivery<'_>,
        effect: &dyn StoreEffect,
    ) -> Outcome {
        let budget = self.timings.handler_budget;
        match tokio::time::timeout(budget, self.plan_and_record(delivery, effect)).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Outcome::Failed(elapsed.into()),
        }
    }

    async fn plan_and_record(&self, delivery: &Delivery<'_>, effect: &dyn StoreEffect) -> Outcome {
        let mut predecessor = Predecessor::NONE;
        let mut conflicts = 0;
        loop {
            let view = View::new(self.documents.as_ref(), conflicts);
            let (outcome, writes) = match effect.plan(&delivery.decoded.event, &view).await {
                Ok(Plan::Apply(writes)) => (Outcome::Done, writes),
                Ok(Plan::Stale(writes)) => (Outcome::Stale, writes),
                Err(Failure::Retry { cause, .. }) => return Outcome::Failed(cause),
                Err(Failure::Park { reason, detail }) => {
                    let reason = ParkReason {
                        slug: reason,
                        detail,
                    };
                    return self.park(delivery.message, &delivery.seen, reason).await;
                }
            };
            let recorded = self
                .ledger
                .record(&delivery.seen, &predecessor, outcome.name(), writes)
                .await;
            let conflict = match recorded {
                Ok(()) => return outcome,
                Err(RecordError::Ledger(error)) => return error.into(),
                Err(conflict @ (RecordError::Seen | RecordError::PlanOutdated(_))) => conflict,
            };
            conflicts += 1;
            if conflicts > MAX_CONFLICTS {
                return Outcome::Failed(conflict.into());
            }
            if matches!(conflict, RecordError::Seen) {
                predecessor = match self.ledger.standing(&delivery.seen).await {
                    Ok(Standing::Open(found)) => found,
                    Ok(Standing::Done) => return Outcome::Duplicate,
                    Ok(Standing::Held { remaining, .. }) => return Outcome::Busy { remaining },
                    Ok(Standing::Reused) => {
                        return self.park_reused(delivery.message, &delivery.seen).await;
                    }
                    Err(error) => return error.into(),
                };
            }
        }
    }
}
