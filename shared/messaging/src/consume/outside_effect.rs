//! Effects outside the store: claim, act, complete.

use fanout_store::Write;
use fanout_store::dedup::{Claim, ClaimAnswer, LedgerError};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::consumer::{Attempt, Failure, OutsideEffect};
use super::outcome::{Outcome, ParkReason};
use super::pipeline::{Delivery, Pipeline, Reacted};

/// How often the mark is tried again after the act: losing it means acting twice.
const COMPLETE_RETRIES: u32 = 3;

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
        let acted = timeout_at(deadline, effect.act(&delivery.decoded.event, &attempt)).await;
        let acted = acted.unwrap_or_else(|elapsed| {
            Err(Failure::Retry {
                cause: elapsed.into(),
                may_have_acted: true,
            })
        });
        Reacted {
            outcome: self.finish(delivery, &claim, acted).await,
            may_have_repeated: attempt.may_have_repeated,
        }
    }

    async fn finish(
        &self,
        delivery: &Delivery<'_>,
        claim: &Claim,
        acted: Result<Vec<Write>, Failure>,
    ) -> Outcome {
        match acted {
            Ok(records) => self.complete(claim, records).await,
            Err(Failure::Retry {
                cause,
                may_have_acted,
            }) => {
                if let Err(error) = self.ledger.release(claim, may_have_acted).await {
                    // The lease ends by itself; until then others are told to wait.
                    warn!(event_id = %delivery.seen.event_id, %error, "a claim could not be released");
                }
                Outcome::Failed(cause)
            }
            Err(Failure::Park { reason, detail }) => {
                let reason = ParkReason {
                    slug: reason,
                    detail,
                };
                self.park_claimed(delivery.message, claim, reason).await
            }
        }
    }

    async fn complete(&self, claim: &Claim, records: Vec<Write>) -> Outcome {
        let mut tries = 0;
        loop {
            let done = Outcome::Done;
            let error = match self
                .ledger
                .complete(claim, done.name(), records.clone())
                .await
            {
                Ok(()) => return done,
                // Either an answer was lost and the mark is ours, or somebody has taken over.
                Err(LedgerError::Fenced) if tries > 0 => {
                    return match self.ledger.was_completed(claim).await {
                        Ok(true) => done,
                        Ok(false) => LedgerError::Fenced.into(),
                        Err(error) => error.into(),
                    };
                }
                Err(error) => error,
            };
            let worth_a_retry = match error {
                LedgerError::Store(_) | LedgerError::Contention => true,
                LedgerError::Fenced | LedgerError::Malformed(_) | LedgerError::Effect(_) => false,
            };
            tries += 1;
            if !worth_a_retry || tries > COMPLETE_RETRIES {
                return error.into();
            }
        }
    }
}
