//! The ledger: reads marks, and says how they are written. Every change of a mark is one commit.

use std::sync::Arc;

use fanout_runtime::{Clock, IdGenerator, Timestamp, Timings, later};
use fanout_store::{
    CommitError, CommitReceipt, Conflict, Documents, Key, MalformedDocument, StoreError, Write,
    commit_through_contention,
};

use super::mark::{Mark, MarkState, Seen};
use super::standing::{Predecessor, Standing};

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
    /// The mark is no longer what it was when work began: it has been seen before, or another
    /// instance has taken over.
    #[error("another instance has taken this event over")]
    Fenced,
    /// A write of the effect met a document in another state than it asked for.
    #[error("the effect's own precondition failed")]
    Effect(#[source] Conflict),
}

/// Why an event lies on the dead-letter topic, as its mark tells.
#[derive(Debug, Clone, Copy)]
pub struct Parking<'a> {
    /// The message that lies there.
    pub message_id: &'a str,
    /// A stable slug.
    pub reason: &'a str,
    /// A full sentence.
    pub detail: &'a str,
}

impl LedgerError {
    /// What a commit's error means that wrote the mark at `mark` beside other documents.
    pub fn of(error: CommitError, mark: &Key) -> Self {
        match error {
            CommitError::Conflict(conflict) if conflict.key == *mark => Self::Fenced,
            CommitError::Conflict(conflict) => Self::Effect(conflict),
            CommitError::Store(error) => error.into(),
            CommitError::Contention(_) => Self::Contention,
        }
    }
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

    /// The mark of an effect in the store, to be committed TOGETHER with that effect and without a
    /// read before. Start with [`Predecessor::NONE`]; after a conflict on the mark's key ask for the
    /// [`Ledger::standing`].
    pub fn done(&self, seen: &Seen, predecessor: &Predecessor, outcome: &str) -> Write {
        let now = self.clock.now();
        let mark = Mark {
            outcome: Some(outcome.to_owned()),
            finished_at: Some(now),
            ..self.following(seen, predecessor, MarkState::Done, now)
        };
        Write::set(seen.key(), mark.to_fields()).only_if(predecessor.precondition)
    }

    /// Notes that the event lies on the dead-letter topic now. Comes after the publishing there.
    pub async fn park(
        &self,
        seen: &Seen,
        predecessor: &Predecessor,
        parking: Parking<'_>,
    ) -> Result<(), LedgerError> {
        let now = self.clock.now();
        let mark = self.following(seen, predecessor, MarkState::Parked, now);
        let mark = mark.parked(parking, now);
        let write = Write::set(seen.key(), mark.to_fields()).only_if(predecessor.precondition);
        self.commit(seen, vec![write]).await.map(drop)
    }

    /// Notes that another payload came under this event's id, and lies on the dead-letter topic.
    pub async fn note_reused(&self, seen: &Seen, parking: Parking<'_>) -> Result<(), LedgerError> {
        let now = self.clock.now();
        let mark = self.following(seen, &Predecessor::NONE, MarkState::Parked, now);
        let write = Write::set(seen.reused_key(), mark.parked(parking, now).to_fields());
        self.commit(seen, vec![write]).await.map(drop)
    }

    /// Whether it is noted that this very message came under a known event's id with another payload,
    /// and lies on the dead-letter topic.
    pub async fn is_noted(&self, seen: &Seen, message_id: &str) -> Result<bool, LedgerError> {
        let Some(note) = self.documents.get(&seen.reused_key()).await? else {
            return Ok(false);
        };
        let note = Mark::from_fields(&note.fields)?;
        let lives = note.expires_at > self.clock.now();
        Ok(lives && note.parked_message.as_deref() == Some(message_id))
    }

    /// The mark of work that is begun or done after `predecessor`.
    pub(super) fn following(
        &self,
        seen: &Seen,
        predecessor: &Predecessor,
        state: MarkState,
        now: Timestamp,
    ) -> Mark {
        Mark {
            consumer: seen.consumer.to_owned(),
            event_id: seen.event_id.clone(),
            state,
            outcome: None,
            detail: None,
            parked_message: None,
            attempt: predecessor.attempts + 1,
            owner: None,
            lease_expires_at: None,
            fingerprint: seen.fingerprint.as_str().to_owned(),
            links: seen.links.clone(),
            may_have_repeated: predecessor.may_have_repeated,
            unanswered: predecessor.unanswered,
            finished_at: None,
            expires_at: later(now, self.timings.mark_lifetime),
        }
    }

    pub(super) async fn commit(
        &self,
        seen: &Seen,
        writes: Vec<Write>,
    ) -> Result<CommitReceipt, LedgerError> {
        let (documents, ids) = (self.documents.as_ref(), self.ids.as_ref());
        let committed = commit_through_contention(documents, ids, writes).await;
        committed.map_err(|error| LedgerError::of(error, &seen.key()))
    }
}

impl Mark {
    /// The same mark with what is known of the parking.
    pub(super) fn parked(self, parking: Parking<'_>, now: Timestamp) -> Self {
        Self {
            outcome: Some(parking.reason.to_owned()),
            detail: Some(parking.detail.to_owned()),
            parked_message: Some(parking.message_id.to_owned()),
            finished_at: Some(now),
            ..self
        }
    }
}
