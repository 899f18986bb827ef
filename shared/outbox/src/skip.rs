//! Skipping: an operator's word that an event is not to be published, so that its line goes on.

use fanout_runtime::Timestamp;
use fanout_store::{CommitError, ReadError, StoreError, commit_through_contention};
use tokio::time::Instant;
use tracing::info;

use crate::holder::Holder;
use crate::lease::{Line, LineLease};
use crate::outbox::{INLINE_LEASE, Outbox};
use crate::row::{EventRow, Skipped, Standing};

/// How often a skip follows what holders and requests change meanwhile.
const TRIES: u32 = 10;
/// How long a reason may be, in characters.
const LONGEST_REASON: usize = 500;

/// Why an event was not skipped.
#[derive(Debug, thiserror::Error)]
pub enum SkipError {
    /// No row has this id.
    #[error("the store has no event with this id")]
    Unknown,
    /// It waits for nothing.
    #[error("it was published at {0}, and blocks nothing")]
    Published(Timestamp),
    /// A holder is publishing its line, or its message may be under way still.
    #[error("its line is being published at this moment: try again in a minute")]
    Busy,
    /// Nothing can be made of the reason.
    #[error("a reason has 1 to {LONGEST_REASON} characters")]
    Reason,
    /// The store failed, or the row cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<StoreError> for SkipError {
    fn from(error: StoreError) -> Self {
        Self::Read(error.into())
    }
}

impl Outbox {
    /// Takes an event out of waiting that is not to be published, such as one that the bus refuses for
    /// good. One commit takes the line's lease and does it, so no holder publishes the event
    /// meanwhile; what waits behind it is left to the relay. Publishes nothing itself. An event that was
    /// skipped before stays as it is, with its first reason.
    pub async fn skip(&self, event_id: &str, reason: &str) -> Result<Skipped, SkipError> {
        if reason.trim().is_empty() || reason.chars().count() > LONGEST_REASON {
            return Err(SkipError::Reason);
        }
        for _ in 0..TRIES {
            let found = self.documents.get(&EventRow::key_of(event_id)).await?;
            let document = found.ok_or(SkipError::Unknown)?;
            let row = EventRow::from_document(&document).map_err(ReadError::from)?;
            match row.standing {
                Standing::Waiting { .. } => {}
                Standing::Published(at) => return Err(SkipError::Published(at)),
                Standing::Skipped(skipped) => return Ok(skipped),
            }
            let now = self.clock.now();
            let owner = self.ids.new_id("own");
            let lease = LineLease::new(Line::of(&row), row.sequence, owner, now, INLINE_LEASE);
            let left = self.documents.get(&lease.line.key()).await?;
            let Some((lease, take)) = lease.taking(left.as_ref(), now)? else {
                return Err(SkipError::Busy);
            };
            let skipped = Skipped {
                at: now,
                reason: reason.to_owned(),
            };
            let skip = row.skipped(&skipped, document.update_time, self.settings.events_kept);
            let (documents, ids) = (self.documents.as_ref(), self.ids.as_ref());
            match commit_through_contention(documents, ids, vec![take, skip]).await {
                Ok(receipt) => {
                    info!(event_id, "skipped");
                    if let Some(version) = receipt.update_times.first().copied().flatten() {
                        // Out of time from the start: it gives the lease back where nothing waits,
                        // and leaves it to the relay where something does.
                        let held = lease.held(version);
                        let _ = Holder::new(self, held, Some(Instant::now()))
                            .publish_all()
                            .await;
                    }
                    return Ok(skipped);
                }
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(error @ CommitError::Contention(_)) => {
                    return Err(StoreError::Unavailable(error.into()).into());
                }
            }
        }
        Err(SkipError::Busy)
    }
}
