//! The end of a claim: the one commit that must not get lost, since what it tells of has happened.

use fanout_dedup::{LedgerError, MarkState};
use fanout_store::{StoreError, jitter};
use tokio::time::{Instant, sleep};

use crate::delivery::back_off;
use crate::pipeline::Pipeline;
use crate::react_outside::Claimed;

impl Pipeline {
    /// Makes the commit that ends a claim in this state, and tries again for as long as the delivery
    /// may take: one that is lost means acting twice. `commit` is told how often documents changed
    /// meanwhile. A commit that is under way when the lease ends is fenced like any other.
    pub(super) async fn end_claim<Made>(
        &self,
        claimed: &Claimed<'_>,
        state: MarkState,
        commit: impl Fn(u32) -> Made,
    ) -> Result<(), LedgerError>
    where
        Made: Future<Output = Result<(), LedgerError>>,
    {
        let (mut failures, mut conflicts) = (0, 0);
        loop {
            let answer = match commit(conflicts).await {
                // Either an answer was lost and the mark is ours, or another holder has taken over.
                Err(LedgerError::Fenced) if failures > 0 => self.has_ended(claimed, state).await,
                answer => answer,
            };
            let error = match answer {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            match error {
                LedgerError::Store(StoreError::Unavailable(_)) | LedgerError::Contention => {
                    failures += 1;
                    sleep(jitter(self.ids.as_ref(), failures)).await;
                }
                LedgerError::Effect(_) => {
                    conflicts += 1;
                    back_off(self.ids.as_ref(), conflicts).await;
                }
                LedgerError::Store(StoreError::Refused(_))
                | LedgerError::Fenced
                | LedgerError::Malformed(_) => return Err(error),
            }
            if Instant::now() >= claimed.until {
                return Err(error);
            }
        }
    }

    async fn has_ended(&self, claimed: &Claimed<'_>, state: MarkState) -> Result<(), LedgerError> {
        match self.ledger.has_ended(&claimed.claim, state).await? {
            true => Ok(()),
            false => Err(LedgerError::Fenced),
        }
    }
}
