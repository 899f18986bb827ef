//! Effects outside the store: claim, act, complete.

use fanout_dedup::{Claim, ClaimAnswer, LedgerError};
use fanout_store::{ReadError, Write};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::consumer::{Acted, Attempt, End, Failure, OutsideEffect, View};
use super::outcome::{Outcome, ParkReason};
use super::pipeline::{Delivery, Pipeline, Reacted};
use super::store_effect::MAX_CONFLICTS;

/// How often the mark is tried again after the act: losing it means acting twice.
const COMPLETE_RETRIES: u32 = 3;

/// An event that this instance may act on.
pub(super) struct Claimed<'a> {
    pub(super) delivery: &'a Delivery<'a>,
    pub(super) effect: &'a dyn OutsideEffect,
    pub(super) claim: Box<Claim>,
}

impl From<Acted> for Outcome {
    fn from(acted: Acted) -> Self {
        match acted {
            Acted::Done => Self::Done,
            Acted::Stale => Self::Stale,
        }
    }
}

impl Pipeline {
    pub(super) async fn react_outside(
        &self,
        delivery: &Delivery<'_>,
        effect: &dyn OutsideEffect,
    ) -> Reacted {
        let deadline = Instant::now() + self.timings.handler_budget;
        let claim = match timeout_at(deadline, self.ledger.claim(&delivery.seen)).await {
            Ok(Ok(ClaimAnswer::Granted(claim))) => claim,
            Ok(Ok(ClaimAnswer::Done)) => return Outcome::Duplicate.into(),
            Ok(Ok(ClaimAnswer::Held { remaining })) => return Outcome::Busy { remaining }.into(),
            Ok(Ok(ClaimAnswer::Reused)) => {
                return self
                    .park_reused(delivery.message, &delivery.seen)
                    .await
                    .into();
            }
            Ok(Err(error)) => return Outcome::from(error).into(),
            Err(elapsed) => return Outcome::Failed(elapsed.into()).into(),
        };
        let attempt = Attempt {
            number: claim.attempt(),
            may_have_repeated: claim.may_have_repeated(),
        };
        let view = View::new(self.documents.as_ref(), 0);
        let act = effect.act(&delivery.decoded.event, &attempt, &view);
        let acted = timeout_at(deadline, act).await.unwrap_or_else(|elapsed| {
            Err(Failure::Retry {
                cause: elapsed.into(),
                may_have_acted: true,
            })
        });
        let claimed = Claimed {
            delivery,
            effect,
            claim,
        };
        Reacted {
            outcome: self.finish(&claimed, acted).await,
            may_have_repeated: attempt.may_have_repeated,
        }
    }

    async fn finish(&self, claimed: &Claimed<'_>, acted: Result<Acted, Failure>) -> Outcome {
        match acted {
            Ok(acted) => self.complete(claimed, acted).await,
            Err(Failure::Retry {
                cause,
                may_have_acted,
            }) => {
                if let Err(error) = self.ledger.release(&claimed.claim, may_have_acted).await {
                    // The lease ends by itself; until then others are told to wait.
                    let event_id = &claimed.delivery.seen.event_id;
                    warn!(%event_id, %error, "a claim could not be released");
                }
                Outcome::Failed(cause)
            }
            Err(Failure::Park { reason, detail }) => {
                let reason = ParkReason {
                    slug: reason,
                    detail,
                };
                self.park_claimed(claimed, reason).await
            }
        }
    }

    async fn complete(&self, claimed: &Claimed<'_>, acted: Acted) -> Outcome {
        let outcome = Outcome::from(acted);
        let (mut tries, mut conflicts) = (0, 0);
        loop {
            let error = match self.mark_as_ended(claimed, acted, conflicts).await {
                Ok(()) => return outcome,
                // Either an answer was lost and the mark is ours, or somebody has taken over.
                Err(LedgerError::Fenced) if tries > 0 => {
                    return match self.ledger.was_completed(&claimed.claim).await {
                        Ok(true) => outcome,
                        Ok(false) => LedgerError::Fenced.into(),
                        Err(error) => error.into(),
                    };
                }
                Err(error) => error,
            };
            let worth_a_retry = match error {
                LedgerError::Store(_) | LedgerError::Contention => {
                    tries += 1;
                    tries <= COMPLETE_RETRIES
                }
                LedgerError::Effect(_) => {
                    conflicts += 1;
                    conflicts <= MAX_CONFLICTS
                }
                LedgerError::Fenced | LedgerError::Malformed(_) => false,
            };
            if !worth_a_retry {
                return error.into();
            }
        }
    }

    async fn mark_as_ended(
        &self,
        claimed: &Claimed<'_>,
        acted: Acted,
        conflicts: u32,
    ) -> Result<(), LedgerError> {
        let records = match acted {
            Acted::Done => self.records(claimed, End::Done, conflicts).await?,
            Acted::Stale => Vec::new(),
        };
        let outcome = Outcome::from(acted);
        self.ledger
            .complete(&claimed.claim, outcome.name(), records)
            .await
    }

    /// What the effect wants to remember, after this many conflicts.
    pub(super) async fn records(
        &self,
        claimed: &Claimed<'_>,
        end: End,
        conflicts: u32,
    ) -> Result<Vec<Write>, LedgerError> {
        let event = &claimed.delivery.decoded.event;
        let view = View::new(self.documents.as_ref(), conflicts);
        let planned = claimed.effect.remember(event, end, &view).await;
        planned.map_err(|error| match error {
            ReadError::Store(error) => LedgerError::Store(error),
            ReadError::Malformed(error) => LedgerError::Malformed(error),
        })
    }
}
