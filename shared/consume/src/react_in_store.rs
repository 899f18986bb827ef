//! Effects in the store: mark and effect in one commit, no read before it.

use fanout_dedup::{LedgerError, Predecessor};

use crate::delivery::{Delivery, MAX_CONFLICTS, back_off};
use crate::effect::Plan;
use crate::handler::Planned;
use crate::outcome::Outcome;
use crate::pipeline::Pipeline;
use crate::view::View;

impl Pipeline {
    pub(super) async fn react_in_store(
        &self,
        delivery: &Delivery<'_>,
        effect: &dyn Planned,
    ) -> Outcome {
        let budget = self.timings.handler_budget;
        match tokio::time::timeout(budget, self.plan_and_record(delivery, effect)).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Outcome::Failed(elapsed.into()),
        }
    }

    async fn plan_and_record(&self, delivery: &Delivery<'_>, effect: &dyn Planned) -> Outcome {
        let mut predecessor = Predecessor::NONE;
        let mut conflicts = 0;
        loop {
            let view = View::new(self.documents.as_ref(), conflicts);
            let (outcome, work) = match effect.plan(&view).await {
                Ok(Plan::Apply(work)) => (Outcome::Done, work),
                Ok(Plan::Stale(work)) => (Outcome::Stale, work),
                Err(failure) => return self.failed(&delivery.arrival, failure).await,
            };
            let mark = self
                .ledger
                .done(&delivery.arrival.seen, &predecessor, outcome.name());
            let conflict = match self.commit_unit(delivery, mark, work).await {
                Ok(committed) => {
                    self.outbox.publish_now(committed).await;
                    return outcome;
                }
                Err(conflict @ (LedgerError::Fenced | LedgerError::Effect(_))) => conflict,
                Err(
                    error @ (LedgerError::Store(_)
                    | LedgerError::Contention
                    | LedgerError::Malformed(_)),
                ) => return error.into(),
            };
            conflicts += 1;
            if conflicts > MAX_CONFLICTS {
                return Outcome::Failed(conflict.into());
            }
            if matches!(conflict, LedgerError::Fenced) {
                let standing = self.ledger.standing(&delivery.arrival.seen).await;
                predecessor = match self.open(&delivery.arrival, standing).await {
                    Ok(found) => found,
                    Err(outcome) => return outcome,
                };
            }
            back_off(self.ids.as_ref(), conflicts).await;
        }
    }
}
