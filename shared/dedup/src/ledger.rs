//! The ledger: reads and writes marks. Every change of a mark is one commit.

use std::sync::Arc;
use std::time::Duration;

use fanout_runtime::{Clock, IdGenerator, Timestamp, Timings};

use super::mark::{Mark, MarkState, Seen};
use super::standing::{Predecessor, Standing};
use fanout_store::{
    CommitError, CommitReceipt, Conflict, Documents, Key, MalformedDocument, StoreError, Write,
    commit_through_contention,
};

/// Remembers what each consumer has done with each event.
#[derive(Clone)]
pub struct Ledger {
    pub(super) documents: Arc<dyn Documents>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdGenerator>,
    pub(super) timings: Timings,
}

/// Why a mark could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed. A write may have taken effect all the same.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others keep writing the same documents.
    #[error("too many writers on the same documents")]
    Contention,
    /// The stored mark is not readable.
    #[error("the event's mark")]
    Malformed(#[from] MalformedDocument),
    /// The mark is no longer what it was when work began: somebody else has taken over.
    #[error("another instance has taken this event over")]
    Fenced,
    /// A write of the effect met a document in another state than it asked for.
    #[error("the effect's own precondition failed")]
    Effect(#[source] Conflict),
}

/// Why an effect in the store did not happen.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The mark is not what the predecessor says: seen before, or changed meanwhile.
    #[error("the event has been seen before")]
    Seen,
    /// A document of the effect is not what the plan was made from.
    #[error("a document has changed since the effect was planned")]
    PlanOutdated(#[source] Conflict),
    /// Anything else.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Ledger {
    /// A ledger in these documents.
    pub fn new(
        documents: Arc<dyn Documents>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        timings: Timings,
    ) -> Self {
        Self {
            documents,
            clock,
            ids,
            timings,
        }
    }

    /// Where the event stands now. One read.
    pub async fn standing(&self, seen: &Seen) -> Result<Standing, LedgerError> {
        let mark = self.documents.get(&seen.key()).await?;
        Ok(Standing::of(mark.as_ref(), seen, self.clock.now())?)
    }

    /// Makes an effect in the store: mark and effect in ONE commit, without a read. Start with
    /// [`Predecessor::NONE`]; after [`RecordError::Seen`] ask for the [`Ledger::standing`].
    pub async fn record(
        &self,
        seen: &Seen,
        predecessor: &Predecessor,
        outcome: &str,
        effect: Vec<Write>,
    ) -> Result<(), RecordError> {
        let now = self.clock.now();
        let mark = Mark {
            outcome: Some(outcome.to_owned()),
            finished_at: Some(now),
            ..self.mark(seen, predecessor, MarkState::Done, now)
        };
        let mut writes = vec![mark_write(seen.key(), &mark, predecessor)];
        writes.extend(effect);
        match self.commit(writes).await {
            Ok(_) => Ok(()),
            Err(LedgerError::Fenced) => Err(RecordError::Seen),
            Err(LedgerError::Effect(conflict)) => Err(RecordError::PlanOutdated(conflict)),
            Err(other) => Err(other.into()),
        }
    }

    /// Notes that the event lies on the dead-letter topic now. Comes after the publishing there.
    pub async fn park(
        &self,
        seen: &Seen,
        predecessor: &Predecessor,
        reason: &str,
        detail: &str,
    ) -> Result<(), LedgerError> {
        let mark = self.parked(seen, predecessor, reason, detail);
        self.commit(vec![mark_write(seen.key(), &mark, predecessor)])
            .await
            .map(drop)
    }

    /// Notes that another payload came under this event's id, and lies on the dead-letter topic.
    pub async fn note_reused(
        &self,
        seen: &Seen,
        reason: &str,
        detail: &str,
    ) -> Result<(), LedgerError> {
        let mark = self.parked(seen, &Predecessor::NONE, reason, detail);
        let write = Write::set(seen.reused_key(), mark.to_fields());
        self.commit(vec![write]).await.map(drop)
    }

    pub(super) fn parked(
        &self,
        seen: &Seen,
        predecessor: &Predecessor,
        reason: &str,
        detail: &str,
    ) -> Mark {
        let now = self.clock.now();
        Mark {
            outcome: Some(reason.to_owned()),
            detail: Some(detail.to_owned()),
            finished_at: Some(now),
            ..self.mark(seen, predecessor, MarkState::Parked, now)
        }
    }

    /// The mark that follows on `predecessor` at this time.
    pub(super) fn mark(
        &self,
        seen: &Seen,
        predecessor: &Predecessor,
        state: MarkState,
        now: Timestamp,
    ) -> Mark {
        Mark {
            consumer: seen.consumer.to_owned(),
            event_id: seen.event_id.clone(),
            event_type: seen.event_type.clone(),
            state,
            outcome: None,
            detail: None,
            attempt: predecessor.attempt + 1,
            owner: None,
            lease_expires_at: None,
            fingerprint: seen.fingerprint.as_str().to_owned(),
            links: seen.links.clone(),
            may_have_repeated: predecessor.may_have_repeated,
            first_seen_at: predecessor.first_seen_at.unwrap_or(now),
            finished_at: None,
            expires_at: later(now, self.timings.mark_lifetime),
        }
    }

    /// Commits; the mark comes first in `writes`.
    pub(super) async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, LedgerError> {
        let (documents, ids) = (self.documents.as_ref(), self.ids.as_ref());
        match commit_through_contention(documents, ids, writes).await {
            Ok(receipt) => Ok(receipt),
            Err(CommitError::Conflict(conflict)) if conflict.index == 0 => Err(LedgerError::Fenced),
            Err(CommitError::Conflict(conflict)) => Err(LedgerError::Effect(conflict)),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(CommitError::Contention(_)) => Err(LedgerError::Contention),
        }
    }
}

/// The write that turns `predecessor` into `mark`.
pub(super) fn mark_write(key: Key, mark: &Mark, predecessor: &Predecessor) -> Write {
    Write::set(key, mark.to_fields()).only_if(predecessor.precondition)
}

pub(super) fn later(now: Timestamp, by: Duration) -> Timestamp {
    chrono::TimeDelta::from_std(by)
        .ok()
        .and_then(|by| now.checked_add_signed(by))
        .unwrap_or(Timestamp::MAX_UTC)
}
