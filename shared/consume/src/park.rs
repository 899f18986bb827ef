//! Parking: what will never work goes to this consumer's own dead-letter topic, then it is marked,
//! then it is acked. In that order, so that nothing is lost at any point between.

use std::sync::Arc;

use fanout_bus::{PublishError, Publisher, PushedMessage, parked_copy, trace_of};
use fanout_dedup::{LedgerError, MarkState, Parking, Standing};
use fanout_telemetry::{send_span, sent};
use tracing::Instrument as _;

use crate::delivery::Arrival;
use crate::effect::Failure;
use crate::outcome::{Outcome, ParkReason};
use crate::pipeline::Pipeline;
use crate::react_outside::{Claimed, unread};
use crate::view::View;

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
        let span = send_span(&self.topic, || trace_of(&message.attributes));
        let publishing = self.publisher.publish(&self.topic, copy);
        let answer = publishing.instrument(span.clone()).await;
        let taken = answer.as_ref().map(|message_id| message_id.0.as_str());
        sent(&span, taken, PublishError::slug);
        answer.map(drop)
    }
}

impl Pipeline {
    /// What an event that may be worked on gives, or what becomes of another.
    pub(super) async fn open<T>(
        &self,
        arrival: &Arrival<'_>,
        standing: Result<Standing<T>, LedgerError>,
    ) -> Result<T, Outcome> {
        match standing {
            Ok(Standing::Open(found)) => Ok(found),
            Ok(Standing::Done) => Err(Outcome::Duplicate),
            Ok(Standing::Held { remaining }) => Err(Outcome::Busy { remaining }),
            Ok(Standing::Reused) => Err(self.park_reused(arrival).await),
            Err(error) => Err(error.into()),
        }
    }

    /// What becomes of an event that failed before anything was done.
    pub(super) async fn failed(&self, arrival: &Arrival<'_>, failure: Failure) -> Outcome {
        match failure {
            Failure::Retry { cause, .. } => Outcome::Failed(cause),
            Failure::Later(cause) => Outcome::Deferred(cause),
            Failure::Park {
                reason: slug,
                detail,
            } => self.park(arrival, ParkReason { slug, detail }).await,
        }
    }

    /// Parks an event that has no holder. One that has taken effect meanwhile is a duplicate; one
    /// that lies on the dead-letter topic already, of which only the ack was lost, stays there once.
    pub(super) async fn park(&self, arrival: &Arrival<'_>, reason: ParkReason) -> Outcome {
        let standing = self.ledger.standing(&arrival.seen).await;
        let predecessor = match self.open(arrival, standing).await {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        let message = arrival.message;
        if !arrival.redriven && predecessor.is_parked_as(&message.message_id, reason.slug) {
            return Outcome::Parked(reason);
        }
        if let Err(error) = self.dead_letters.publish(message, &reason).await {
            return Outcome::Failed(error.into());
        }
        let marked = self
            .ledger
            .park(&arrival.seen, &predecessor, parking(arrival, &reason))
            .await;
        parked(marked, reason)
    }

    /// Parks an event under a claim, with what its effect wants to remember of that.
    pub(super) async fn park_claimed(&self, claimed: &Claimed<'_>, reason: ParkReason) -> Outcome {
        let arrival = &claimed.delivery.arrival;
        let message_id = &arrival.message.message_id;
        let before = &claimed.claim.predecessor;
        let lies_there = !arrival.redriven && before.is_parked_as(message_id, reason.slug);
        if !lies_there && let Err(error) = self.dead_letters.publish(arrival.message, &reason).await
        {
            // Nothing was parked, so the claim goes back. If this try may have acted, the claim says
            // so already.
            self.release(claimed, false).await;
            return Outcome::Failed(error.into());
        }
        let marked = self.end_claim(claimed, MarkState::Parked, |conflicts| {
            self.mark_as_parked(claimed, &reason, conflicts)
        });
        let marked = marked.await;
        parked(marked, reason)
    }

    async fn mark_as_parked(
        &self,
        claimed: &Claimed<'_>,
        reason: &ParkReason,
        conflicts: u32,
    ) -> Result<(), LedgerError> {
        let view = View::new(self.documents.as_ref(), conflicts);
        let work = claimed.effect.remember_parked(reason.slug, &view).await;
        let work = work.map_err(unread)?;
        let parking = parking(&claimed.delivery.arrival, reason);
        let mark = self.ledger.parked(&claimed.claim, parking);
        let committed = self.commit_unit(claimed.delivery, mark, work).await?;
        self.outbox.publish_now(committed).await;
        Ok(())
    }

    /// Parks a message that carries a known id with another payload. The known event's own mark
    /// stays as it is.
    pub(super) async fn park_reused(&self, arrival: &Arrival<'_>) -> Outcome {
        let reason = ParkReason::id_reused();
        let message = arrival.message;
        match self
            .ledger
            .is_noted(&arrival.seen, &message.message_id)
            .await
        {
            Ok(true) if !arrival.redriven => return Outcome::Parked(reason),
            Ok(_) => {}
            Err(error) => return error.into(),
        }
        if let Err(error) = self.dead_letters.publish(message, &reason).await {
            return Outcome::Failed(error.into());
        }
        let parking = parking(arrival, &reason);
        parked(
            self.ledger.note_reused(&arrival.seen, parking).await,
            reason,
        )
    }
}

fn parking<'a>(arrival: &'a Arrival<'_>, reason: &'a ParkReason) -> Parking<'a> {
    Parking {
        message_id: &arrival.message.message_id,
        reason: reason.slug,
        detail: &reason.detail,
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
