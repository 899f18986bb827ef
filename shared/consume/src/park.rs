//! Parking: what will never work goes to this consumer's own dead-letter topic, then it is marked,
//! then it is acked. In that order, so that nothing is lost at any point between.

use std::sync::Arc;

use fanout_dedup::{LedgerError, Seen, Standing};

use super::consumer::End;
use super::outcome::{Outcome, ParkReason};
use super::outside_effect::Claimed;
use super::pipeline::Pipeline;
use super::store_effect::MAX_CONFLICTS;
use fanout_bus::parked_copy;
use fanout_bus::{PublishError, Publisher, PushedMessage};

/// One consumer's dead-letter topic.
pub(super) struct DeadLetters {
    pub(super) publisher: Arc<dyn Publisher>,
    pub(super) topic: String,
    pub(super) consumer: &'static str,
}

impl DeadLetters {
    /// Publishes the message as it came, with the reason beside it.
    async fn publish(
        &self,
        message: &PushedMessage,
        reason: &ParkReason,
    ) -> Result<(), PublishError> {
        let copy = parked_copy(message, self.consumer, reason.slug, &reason.detail);
        self.publisher.publish(&self.topic, copy).await.map(drop)
    }
}

impl Pipeline {
    /// Parks an event that nobody holds. One that has taken effect meanwhile is a duplicate.
    pub(super) async fn park(
        &self,
        message: &PushedMessage,
        seen: &Seen,
        reason: ParkReason,
    ) -> Outcome {
        let predecessor = match self.ledger.standing(seen).await {
            Ok(Standing::Open(found)) => found,
            Ok(Standing::Done) => return Outcome::Duplicate,
            Ok(Standing::Held { remaining, .. }) => return Outcome::Busy { remaining },
            Ok(Standing::Reused) => return self.park_reused(message, seen).await,
            Err(error) => return error.into(),
        };
        if let Err(error) = self.dead_letters.publish(message, &reason).await {
            return Outcome::Failed(error.into());
        }
        let marked = self
            .ledger
            .park(seen, &predecessor, reason.slug, &reason.detail)
            .await;
        parked(marked, reason)
    }

    /// Parks an event under a claim, with what its effect wants to remember of that.
    pub(super) async fn park_claimed(&self, claimed: &Claimed<'_>, reason: ParkReason) -> Outcome {
        let message = claimed.delivery.message;
        if let Err(error) = self.dead_letters.publish(message, &reason).await {
            // Nothing was parked, so the claim goes back; if that fails too, the lease ends it.
            let released = self.ledger.release(&claimed.claim, false).await;
            return Outcome::Failed(released.map_or_else(Into::into, |()| error.into()));
        }
        let mut conflicts = 0;
        loop {
            match self.mark_as_parked(claimed, &reason, conflicts).await {
                Err(LedgerError::Effect(_)) if conflicts < MAX_CONFLICTS => conflicts += 1,
                marked => return parked(marked, reason),
            }
        }
    }

    async fn mark_as_parked(
        &self,
        claimed: &Claimed<'_>,
        reason: &ParkReason,
        conflicts: u32,
    ) -> Result<(), LedgerError> {
        let records = self.records(claimed, End::Parked, conflicts).await?;
        self.ledger
            .park_claimed(&claimed.claim, reason.slug, &reason.detail, records)
            .await
    }

    /// Parks a message that carries a known id with another payload. The known event's own mark
    /// stays as it is.
    pub(super) async fn park_reused(&self, message: &PushedMessage, seen: &Seen) -> Outcome {
        let reason = ParkReason::id_reused();
        if let Err(error) = self.dead_letters.publish(message, &reason).await {
            return Outcome::Failed(error.into());
        }
        let marked = self
            .ledger
            .note_reused(seen, reason.slug, &reason.detail)
            .await;
        parked(marked, reason)
    }
}

fn parked(marked: Result<(), LedgerError>, reason: ParkReason) -> Outcome {
    match marked {
        // Fenced: another delivery of the same event settled it meanwhile. The message lies on the
        // dead-letter topic in any case, and a redrive of it will find what that one left.
        Ok(()) | Err(LedgerError::Fenced) => Outcome::Parked(reason),
        Err(
            error @ (LedgerError::Store(_)
            | LedgerError::Contention
            | LedgerError::Malformed(_)
            | LedgerError::Effect(_)),
        ) => error.into(),
    }
}
