//! Effects outside the store: claim, act, complete.

use std::time::Duration;

use fanout_dedup::{Claim, LedgerError, MarkState};
use fanout_runtime::{Timings, error_chain};
use fanout_store::ReadError;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::delivery::{Delivery, MAX_CONFLICTS, Reacted, back_off};
use crate::effect::{Acted, Attempt, Failure, Fencing, OUTCOME_UNKNOWN, UnitOfWork};
use crate::handler::{ActDone, Outside};
use crate::outcome::{Outcome, ParkReason};
use crate::pipeline::Pipeline;
use crate::view::View;

/// How long before the push itself is given up the claim's end is tried for the last time.
const TO_ANSWER: Duration = Duration::from_secs(5);
/// The least part of the handler's budget that an act begins with. A claim that was granted late
/// leaves less: an act that is cut off may have happened, one that was not begun has not.
const LEAST_PART: u32 = 3;

/// An event that this instance may act on.
pub(super) struct Claimed<'a> {
    pub(super) delivery: &'a Delivery<'a>,
    pub(super) effect: &'a dyn Outside,
    pub(super) claim: Box<Claim>,
    /// Until when its end is tried to be written.
    pub(super) until: Instant,
}

const CLAIMED_TOO_LATE: &str =
    "the store granted the claim so late that too little of the handler's budget was left";

impl Pipeline {
    pub(super) async fn react_outside(
        &self,
        delivery: &Delivery<'_>,
        effect: &dyn Outside,
    ) -> Reacted {
        // The lease begins when the claim is sent, so the budget does too.
        let budget = self.timings.handler_budget;
        let deadline = Instant::now() + budget;
        let (claimed, others) = match timeout_at(deadline, self.claim(delivery, effect)).await {
            Ok(Ok((claim, others))) => {
                let claimed = Claimed {
                    delivery,
                    effect,
                    claim,
                    until: end_of_tries(deadline, &self.timings),
                };
                (claimed, others)
            }
            Ok(Err(outcome)) => return outcome.into(),
            Err(elapsed) => return Outcome::Failed(elapsed.into()).into(),
        };
        let attempt = Attempt {
            number: claimed.claim.mark.attempt,
            may_have_repeated: claimed.claim.mark.may_have_repeated,
            // Only a person has the act tried whatever came before. A parked event that is delivered
            // again, since an ack was lost or a publisher repeated it, has nobody's word.
            unanswered: match delivery.arrival.redriven {
                true => 0,
                false => claimed.claim.mark.unanswered.saturating_add(others),
            },
            until: deadline,
        };
        let acted = self.act(&claimed, &attempt, budget).await;
        Reacted {
            outcome: self.finish(claimed, acted).await,
            may_have_repeated: attempt.may_have_repeated,
        }
    }

    /// Claims the event, together with the effect's own fence; with how many tries of other events may
    /// have had the same effect.
    async fn claim(
        &self,
        delivery: &Delivery<'_>,
        effect: &dyn Outside,
    ) -> Result<(Box<Claim>, u64), Outcome> {
        let mut conflicts = 0;
        loop {
            let view = View::new(self.documents.as_ref(), conflicts);
            let Fencing { writes, unanswered } = match effect.fence(&view).await {
                Ok(fencing) => fencing,
                Err(failure) => return Err(self.failed(&delivery.arrival, failure).await),
            };
            match self.ledger.claim(&delivery.arrival.seen, &writes).await {
                Err(LedgerError::Effect(_)) if conflicts < MAX_CONFLICTS => {
                    conflicts += 1;
                    back_off(self.ids.as_ref(), conflicts).await;
                }
                answer => {
                    let mut claim = self.open(&delivery.arrival, answer).await?;
                    claim.mark.may_have_repeated |= unanswered > 0;
                    return Ok((claim, unanswered));
                }
            }
        }
    }

    async fn act(
        &self,
        claimed: &Claimed<'_>,
        attempt: &Attempt,
        budget: Duration,
    ) -> Result<Acted<ActDone>, Failure> {
        if Instant::now() + budget / LEAST_PART > attempt.until {
            return Err(Failure::retry(CLAIMED_TOO_LATE));
        }
        let view = View::new(self.documents.as_ref(), 0);
        let act = claimed.effect.act(attempt, &view);
        let acted = timeout_at(attempt.until, act).await;
        acted.unwrap_or_else(|elapsed| {
            Err(Failure::Retry {
                cause: elapsed.into(),
                may_have_acted: true,
            })
        })
    }

    async fn finish(
        &self,
        mut claimed: Claimed<'_>,
        acted: Result<Acted<ActDone>, Failure>,
    ) -> Outcome {
        match acted {
            Ok(acted) => self.complete(&claimed, &acted).await,
            Err(Failure::Retry {
                cause,
                may_have_acted,
            }) => {
                self.release(&claimed, may_have_acted).await;
                Outcome::Failed(cause)
            }
            Err(Failure::Later(cause)) => {
                self.release(&claimed, false).await;
                Outcome::Deferred(cause)
            }
            Err(Failure::Park {
                reason: slug,
                detail,
            }) => {
                if slug == OUTCOME_UNKNOWN {
                    claimed.claim.count_as_unanswered();
                }
                let reason = ParkReason { slug, detail };
                self.park_claimed(&claimed, reason).await
            }
        }
    }

    pub(super) async fn release(&self, claimed: &Claimed<'_>, may_have_acted: bool) {
        let event_id = &claimed.delivery.arrival.seen.event_id;
        let released = self.end_claim(claimed, MarkState::Released, |conflicts| async move {
            let view = View::new(self.documents.as_ref(), conflicts);
            // What cannot be read keeps no claim.
            let meanwhile = claimed.effect.remember_meanwhile(&view).await;
            let writes = meanwhile.unwrap_or_else(|error| {
                let error = error_chain(&error);
                warn!(%event_id, error, "what is to be remembered meanwhile could not be read");
                Vec::new()
            });
            self.ledger
                .release(&claimed.claim, may_have_acted, writes)
                .await
        });
        if let Err(error) = released.await {
            // The lease ends by itself; until then others are told to wait.
            warn!(%event_id, %error, "a claim could not be released");
        }
    }

    async fn complete(&self, claimed: &Claimed<'_>, acted: &Acted<ActDone>) -> Outcome {
        let completed = self.end_claim(claimed, MarkState::Done, |conflicts| {
            self.mark_as_ended(claimed, acted, conflicts)
        });
        match completed.await {
            Ok(()) => outcome_of(acted),
            Err(error) => error.into(),
        }
    }

    async fn mark_as_ended(
        &self,
        claimed: &Claimed<'_>,
        acted: &Acted<ActDone>,
        conflicts: u32,
    ) -> Result<(), LedgerError> {
        let view = View::new(self.documents.as_ref(), conflicts);
        let work = match acted {
            Acted::Done(done) => done.remember(&view).await.map_err(unread)?,
            Acted::Stale => UnitOfWork::default(),
        };
        let outcome = outcome_of(acted);
        let mark = self.ledger.completed(&claimed.claim, outcome.name());
        let committed = self.commit_unit(claimed.delivery, mark, work).await?;
        self.outbox.publish_now(committed).await;
        Ok(())
    }
}

/// The lease may last longer, but nobody hears of what is done once the push has been given up.
fn end_of_tries(deadline: Instant, timings: &Timings) -> Instant {
    let left = timings.ack_deadline.saturating_sub(timings.handler_budget);
    deadline + left.saturating_sub(TO_ANSWER)
}

fn outcome_of(acted: &Acted<ActDone>) -> Outcome {
    match acted {
        Acted::Done(_) => Outcome::Done,
        Acted::Stale => Outcome::Stale,
    }
}

pub(super) fn unread(error: ReadError) -> LedgerError {
    match error {
        ReadError::Store(error) => LedgerError::Store(error),
        ReadError::Malformed(error) => LedgerError::Malformed(error),
    }
}
