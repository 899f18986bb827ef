//! Storing an event in the commit of the state that it tells of.

use fanout_store::{CommitError, CommitReceipt, Write, commit_through_contention};

use super::inline_publish::Outbox;
use super::row::OutboxRow;
use super::subject_lease::{HeldLease, SubjectLease};

/// How often a commit follows a lease that is taken and given back meanwhile.
const LEASE_TRIES: u32 = 10;

/// An event that is about to be committed, and the lease that its request would hold.
#[derive(Clone)]
pub struct Pending {
    pub(super) row: OutboxRow,
    pub(super) lease: SubjectLease,
}

/// An event that has been committed, and the right to publish it, where its request has it.
pub struct Committed {
    pub(super) row: OutboxRow,
    pub(super) held: Option<HeldLease>,
}

/// A subject's lease went to and fro.
#[derive(Debug, thiserror::Error)]
#[error("the lease of the event's subject was taken and given back {LEASE_TRIES} times meanwhile")]
struct RestlessLease;

impl Outbox {
    /// Commits `state` and the event, all or nothing. One round trip, unless somebody publishes
    /// events of the same subject at this moment; then two.
    ///
    /// The errors are those of [`fanout_store::Documents::commit`] for `state`, contention waited
    /// out: a conflict is always about one of its writes.
    pub async fn commit(
        &self,
        state: Vec<Write>,
        pending: Pending,
    ) -> Result<Committed, CommitError> {
        let Pending { row, lease } = pending;
        let stored = row.create();
        for number in 0..LEASE_TRIES {
            let takes = number % 2 == 0;
            let lease_write = match takes {
                true => lease.create(),
                false => lease.mark(row.sequence),
            };
            let writes = state.iter().chain([&stored, &lease_write]).cloned();
            let (documents, ids) = (self.documents.as_ref(), self.ids.as_ref());
            match commit_through_contention(documents, ids, writes.collect()).await {
                Ok(receipt) => {
                    let held = takes.then(|| lease_version(&receipt)).flatten();
                    let held = held.map(|version| lease.held(version));
                    return Ok(Committed { row, held });
                }
                // Nothing was written. Somebody took the lease, or has just given it back.
                Err(CommitError::Conflict(conflict)) if conflict.key == lease_write.key => {}
                Err(error) => return Err(error),
            }
        }
        Err(CommitError::Contention(RestlessLease.into()))
    }
}

/// The lease's version: its write is the last.
fn lease_version(receipt: &CommitReceipt) -> Option<fanout_store::UpdateTime> {
    receipt.update_times.last().copied().flatten()
}
