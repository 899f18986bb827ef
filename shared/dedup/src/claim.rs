//! Effects outside the store: claim, act, complete.
//!
//! A claim is a lease on the mark. Whoever finds it expired takes it over; the mark's version is the
//! fencing token, so a holder that comes back late can neither complete nor release it.

use std::time::Duration;

use super::ledger::{Ledger, LedgerError, later, mark_write};
use super::mark::{Mark, MarkState, Seen};
use super::standing::{Predecessor, Standing};
use fanout_store::jitter;
use fanout_store::{Precondition, Write};

/// How often a claim is tried again when others change the mark at the same moment.
const CLAIM_RETRIES: u32 = 5;

/// The right to act on an event, until the lease ends.
#[derive(Debug)]
pub struct Claim {
    seen: Seen,
    mark: Mark,
    token: Precondition,
}

/// The answer to [`Ledger::claim`].
#[derive(Debug)]
pub enum ClaimAnswer {
    /// Act now.
    Granted(Box<Claim>),
    /// It has taken effect already.
    Done,
    /// Somebody else acts, for this much longer at most.
    Held {
        /// Until the lease ends.
        remaining: Duration,
    },
    /// Another payload came under the same id before.
    Reused,
}

impl Claim {
    /// How many times work on this event was begun, this time included.
    pub fn attempt(&self) -> u64 {
        self.mark.attempt
    }

    /// Whether somebody may have acted before and not lived to say so.
    pub fn may_have_repeated(&self) -> bool {
        self.mark.may_have_repeated
    }

    /// What this claim is, for going on from it.
    fn predecessor(&self) -> Predecessor {
        Predecessor {
            precondition: self.token,
            // The mark that follows belongs to the same attempt.
            attempt: self.mark.attempt - 1,
            may_have_repeated: self.mark.may_have_repeated,
            first_seen_at: Some(self.mark.first_seen_at),
        }
    }
}

impl Ledger {
    /// Claims the event. The usual event costs one commit and no read.
    pub async fn claim(&self, seen: &Seen) -> Result<ClaimAnswer, LedgerError> {
        let owner = self.ids.new_id("own");
        let mut predecessor = Predecessor::NONE;
        for tries in 0..CLAIM_RETRIES {
            match self.try_claim(seen, &predecessor, &owner).await {
                Ok(claim) => return Ok(ClaimAnswer::Granted(Box::new(claim))),
                Err(LedgerError::Fenced) => {}
                // The answer may be lost and the claim be ours: the read below will tell.
                Err(LedgerError::Store(error)) => {
                    return match self.own(seen, &owner).await? {
                        Some(claim) => Ok(ClaimAnswer::Granted(Box::new(claim))),
                        None => Err(error.into()),
                    };
                }
                Err(other) => return Err(other),
            }
            if tries > 0 {
                tokio::time::sleep(jitter(self.ids.as_ref(), tries)).await;
            }
            match self.standing(seen).await? {
                Standing::Open(found) => predecessor = found,
                Standing::Done => return Ok(ClaimAnswer::Done),
                Standing::Held { remaining, .. } => return Ok(ClaimAnswer::Held { remaining }),
                Standing::Reused => return Ok(ClaimAnswer::Reused),
            }
        }
        Err(LedgerError::Contention)
    }

    /// Ends the claim with the act's own records in the same commit. Fails with
    /// [`LedgerError::Fenced`] if the lease ended and somebody took over.
    pub async fn complete(
        &self,
        claim: &Claim,
        outcome: &str,
        records: Vec<Write>,
    ) -> Result<(), LedgerError> {
        let predecessor = claim.predecessor();
        let now = self.clock.now();
        let mark = Mark {
            outcome: Some(outcome.to_owned()),
            finished_at: Some(now),
            ..self.mark(&claim.seen, &predecessor, MarkState::Done, now)
        };
        let mut writes = vec![mark_write(claim.seen.key(), &mark, &predecessor)];
        writes.extend(records);
        self.commit(writes).await.map(drop)
    }

    /// Whether the mark says that this very claim was completed: what to ask when the answer to
    /// [`Self::complete`] was lost and the next try is fenced. A successor's mark has another attempt.
    pub async fn was_completed(&self, claim: &Claim) -> Result<bool, LedgerError> {
        let Some(document) = self.documents.get(&claim.seen.key()).await? else {
            return Ok(false);
        };
        let mark = Mark::from_fields(&document.fields)?;
        let ours = |mark: &Mark| (mark.attempt, mark.first_seen_at);
        Ok(mark.state == MarkState::Done && ours(&mark) == ours(&claim.mark))
    }

    /// Gives the claim back at once, so that the next delivery need not wait for the lease to end.
    /// `may_have_acted`: the act failed in a way that leaves open whether it happened.
    pub async fn release(&self, claim: &Claim, may_have_acted: bool) -> Result<(), LedgerError> {
        let mut predecessor = claim.predecessor();
        predecessor.may_have_repeated |= may_have_acted;
        let now = self.clock.now();
        let mark = self.mark(&claim.seen, &predecessor, MarkState::Released, now);
        self.commit(vec![mark_write(claim.seen.key(), &mark, &predecessor)])
            .await
            .map(drop)
    }

    /// Ends the claim, with records in the same commit: the event lies on the dead-letter topic now.
    pub async fn park_claimed(
        &self,
        claim: &Claim,
        reason: &str,
        detail: &str,
        records: Vec<Write>,
    ) -> Result<(), LedgerError> {
        let predecessor = claim.predecessor();
        let mark = self.parked(&claim.seen, &predecessor, reason, detail);
        let mut writes = vec![mark_write(claim.seen.key(), &mark, &predecessor)];
        writes.extend(records);
        self.commit(writes).await.map(drop)
    }

    async fn try_claim(
        &self,
        seen: &Seen,
        predecessor: &Predecessor,
        owner: &str,
    ) -> Result<Claim, LedgerError> {
        let now = self.clock.now();
        let mark = Mark {
            owner: Some(owner.to_owned()),
            lease_expires_at: Some(later(now, self.timings.lease)),
            ..self.mark(seen, predecessor, MarkState::Processing, now)
        };
        let receipt = self
            .commit(vec![mark_write(seen.key(), &mark, predecessor)])
            .await?;
        let version = receipt.update_times.first().copied().flatten();
        Ok(Claim {
            seen: seen.clone(),
            mark,
            // A write that leaves no version behind cannot be fenced: `Absent` then never holds.
            token: version.map_or(Precondition::Absent, Precondition::UpdatedAt),
        })
    }

    /// The claim that `owner` holds, if it does.
    async fn own(&self, seen: &Seen, owner: &str) -> Result<Option<Claim>, LedgerError> {
        let Some(document) = self.documents.get(&seen.key()).await? else {
            return Ok(None);
        };
        let mark = Mark::from_fields(&document.fields)?;
        let ours = mark.state == MarkState::Processing && mark.owner.as_deref() == Some(owner);
        Ok(ours.then(|| Claim {
            seen: seen.clone(),
            mark,
            token: Precondition::UpdatedAt(document.update_time),
        }))
    }
}
