//! Effects outside the store: claim, act, complete.
//!
//! A claim is a lease on the mark. A holder that finds it expired takes it over; the mark's version
//! is the fencing token, so a holder that comes back late can neither complete nor release it.

use fanout_runtime::later;
use fanout_store::{Precondition, StoreError, Write, jitter};

use super::ledger::{Ledger, LedgerError, Parking};
use super::mark::{Mark, MarkState, Seen};
use super::standing::{Predecessor, Standing};

/// How often a claim is tried again when others change the mark at the same moment.
const CLAIM_RETRIES: u32 = 5;
/// How often it is asked whose the mark is, when a claim's answer was lost.
const OWNER_READS: u32 = 3;

/// The right to act on an event, until the lease ends.
#[derive(Debug)]
pub struct Claim {
    seen: Seen,
    /// The event's mark, as this claim has left it.
    pub mark: Mark,
    token: Precondition,
    /// What this claim followed on.
    pub predecessor: Predecessor,
}

impl Claim {
    /// The act may have happened, and its answer is lost: whatever ends the claim says so.
    pub fn count_as_unanswered(&mut self) {
        self.mark.may_have_repeated = true;
        self.mark.unanswered = self.mark.unanswered.saturating_add(1);
    }

    fn write(&self, mark: &Mark) -> Write {
        Write::set(self.seen.key(), mark.to_fields()).only_if(self.token)
    }
}

impl Ledger {
    /// Claims the event, with these writes in the same commit. The usual event costs one commit and
    /// no read. A write whose precondition fails is [`LedgerError::Effect`], and nothing is claimed.
    pub async fn claim(
        &self,
        seen: &Seen,
        writes: &[Write],
    ) -> Result<Standing<Box<Claim>>, LedgerError> {
        let owner = self.ids.new_id("own");
        let mut predecessor = Predecessor::NONE;
        for tries in 0..CLAIM_RETRIES {
            match self.try_claim(seen, &predecessor, &owner, writes).await {
                Ok(claim) => return Ok(Standing::Open(Box::new(claim))),
                Err(LedgerError::Fenced) => {}
                // The answer may be lost and the claim be ours: the read below will tell.
                Err(LedgerError::Store(error)) => {
                    return match self.own_at_last(seen, &owner).await? {
                        Some(claim) => Ok(Standing::Open(Box::new(claim))),
                        None => Err(error.into()),
                    };
                }
                Err(
                    other @ (LedgerError::Contention
                    | LedgerError::Malformed(_)
                    | LedgerError::Effect(_)),
                ) => return Err(other),
            }
            if tries > 0 {
                tokio::time::sleep(jitter(self.ids.as_ref(), tries)).await;
            }
            match self.standing(seen).await? {
                Standing::Open(found) => predecessor = found,
                Standing::Done => return Ok(Standing::Done),
                Standing::Held { remaining } => return Ok(Standing::Held { remaining }),
                Standing::Reused => return Ok(Standing::Reused),
            }
        }
        Err(LedgerError::Contention)
    }

    /// The mark that ends the claim as done, to be committed together with the act's own records.
    /// The commit conflicts on the mark's key if the lease ended and another holder took over.
    pub fn completed(&self, claim: &Claim, outcome: &str) -> Write {
        claim.write(&Mark {
            outcome: Some(outcome.to_owned()),
            finished_at: Some(self.clock.now()),
            ..self.ended(claim, MarkState::Done)
        })
    }

    /// Whether the mark says that this very claim ended in this state: what to ask when the answer to
    /// that commit was lost and the next try is fenced. A successor's mark has another attempt.
    pub async fn has_ended(&self, claim: &Claim, state: MarkState) -> Result<bool, LedgerError> {
        let Some(document) = self.documents.get(&claim.seen.key()).await? else {
            return Ok(false);
        };
        let mark = Mark::from_fields(&document.fields)?;
        Ok(mark.state == state && mark.attempt == claim.mark.attempt)
    }

    /// Gives the claim back at once, so that the next delivery need not wait for the lease to end.
    /// `may_have_acted`: the act failed in a way that leaves open whether it happened. With these writes
    /// in the same commit.
    pub async fn release(
        &self,
        claim: &Claim,
        may_have_acted: bool,
        writes: Vec<Write>,
    ) -> Result<(), LedgerError> {
        let mut mark = self.ended(claim, MarkState::Released);
        mark.may_have_repeated |= may_have_acted;
        mark.unanswered = mark.unanswered.saturating_add(may_have_acted.into());
        let all = std::iter::once(claim.write(&mark)).chain(writes);
        self.commit(&claim.seen, all.collect()).await.map(drop)
    }

    /// The mark that ends the claim because the event lies on the dead-letter topic now, to be
    /// committed together with what is to be remembered of that.
    pub fn parked(&self, claim: &Claim, parking: Parking<'_>) -> Write {
        let ended = self.ended(claim, MarkState::Parked);
        claim.write(&ended.parked(parking, self.clock.now()))
    }

    /// The mark of the same attempt, in another state and without its lease.
    fn ended(&self, claim: &Claim, state: MarkState) -> Mark {
        Mark {
            state,
            owner: None,
            lease_expires_at: None,
            expires_at: later(self.clock.now(), self.timings.mark_lifetime),
            ..claim.mark.clone()
        }
    }

    async fn try_claim(
        &self,
        seen: &Seen,
        predecessor: &Predecessor,
        owner: &str,
        writes: &[Write],
    ) -> Result<Claim, LedgerError> {
        let now = self.clock.now();
        let mark = Mark {
            owner: Some(owner.to_owned()),
            lease_expires_at: Some(later(now, self.timings.lease)),
            ..self.following(seen, predecessor, MarkState::Processing, now)
        };
        let write = Write::set(seen.key(), mark.to_fields()).only_if(predecessor.precondition);
        let all = std::iter::once(write).chain(writes.iter().cloned());
        let receipt = self.commit(seen, all.collect()).await?;
        let version = receipt.update_times.first().copied().flatten();
        Ok(Claim {
            seen: seen.clone(),
            mark,
            predecessor: predecessor.clone(),
            // A write that leaves no version behind cannot be fenced: `Absent` then never holds.
            token: version.map_or(Precondition::Absent, Precondition::UpdatedAt),
        })
    }

    /// The same as [`Self::own`], asked again where the store fails: a claim of ours that nobody knows
    /// of is left to its lease, and counts as one whose holder may have acted.
    async fn own_at_last(&self, seen: &Seen, owner: &str) -> Result<Option<Claim>, LedgerError> {
        let mut reads = 1;
        loop {
            match self.own(seen, owner).await {
                Err(LedgerError::Store(StoreError::Unavailable(_))) if reads < OWNER_READS => {
                    tokio::time::sleep(jitter(self.ids.as_ref(), reads)).await;
                    reads += 1;
                }
                answer => return answer,
            }
        }
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
            predecessor: Predecessor::NONE,
            token: Precondition::UpdatedAt(document.update_time),
        }))
    }
}
