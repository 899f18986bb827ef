//! What the holder of a subject's lease does: publish the subject's rows in sequence order, then
//! give the lease back.

use std::collections::HashSet;

use fanout_runtime::error_chain;
use fanout_store::{
    CommitError, Comparison, Direction, Document, MalformedDocument, Query, StoreError, Write,
    commit_through_contention,
};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{info, warn};

use super::inline_publish::Outbox;
use super::row::{OUTBOX, OutboxRow};
use super::subject_lease::HeldLease;
use fanout_bus::{PUBLISH_LIMIT, PublishError};

/// How often a holder that stops early tries to say so, against marks made meanwhile.
const GIVE_UP_TRIES: u32 = 3;

/// Why a holder stopped before its subject's rows were published.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error("the time for it is up")]
    OutOfTime,
    #[error("a row could not be published")]
    Publish(#[from] PublishError),
    #[error("a row cannot be read")]
    Unreadable(#[from] MalformedDocument),
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("the store failed")]
    Commit(#[from] CommitError),
}

/// Whether the lease is still the holder's.
enum Standing {
    Held,
    /// Given back, or taken over by somebody else.
    Over,
}

impl Outbox {
    /// Publishes `row`, the subject's oldest, and says so by `answered`, published or not. Then
    /// removes it and gives the lease back, unless more rows of the subject came meanwhile; those
    /// are published first.
    pub(super) async fn publish_first(
        &self,
        row: OutboxRow,
        mut held: HeldLease,
        answered: oneshot::Sender<()>,
    ) {
        let mut published = HashSet::new();
        let first = self.publish_row(&row, &held, None, &mut published).await;
        // Nobody may be waiting any more. If somebody is, the answer goes before what follows.
        let _ = answered.send(());
        tokio::task::yield_now().await;
        let done = match first {
            Ok(()) => self.tidy_up(&row, &mut held, &mut published).await,
            Err(reason) => Err(reason),
        };
        if let Err(reason) = done {
            self.stop_early(&mut held, &reason).await;
        }
    }

    async fn tidy_up(
        &self,
        row: &OutboxRow,
        held: &mut HeldLease,
        published: &mut HashSet<String>,
    ) -> Result<(), Stopped> {
        match self.settle(row, held).await? {
            Standing::Over => Ok(()),
            Standing::Held => self.publish_rows(held, None, published).await,
        }
    }

    /// Publishes a subject's rows until none is left, and gives the lease back; `deadline` is one
    /// more limit beside the lease's own. Ids of rows that were published are added to `published`,
    /// also when it stops early; the lease is then left to the relay.
    pub(super) async fn publish_subject(
        &self,
        mut held: HeldLease,
        deadline: Instant,
        published: &mut HashSet<String>,
    ) -> Result<(), Stopped> {
        let done = self
            .publish_rows(&mut held, Some(deadline), published)
            .await;
        if let Err(reason) = &done {
            self.stop_early(&mut held, reason).await;
        }
        done
    }

    /// Leaves what remains to the relay: at once, or once the lease has run out by itself.
    async fn stop_early(&self, held: &mut HeldLease, reason: &Stopped) {
        let (subject, error) = (held.subject(), error_chain(reason));
        warn!(
            subject,
            error, "not published: this subject waits for the relay"
        );
        match reason {
            // The message may be on its way still, so nobody is asked to send it again soon.
            Stopped::Publish(PublishError::NoAnswer(_)) => {}
            Stopped::OutOfTime
            | Stopped::Publish(PublishError::Unavailable(_) | PublishError::Refused(_))
            | Stopped::Unreadable(_)
            | Stopped::Store(_)
            | Stopped::Commit(_) => self.leave_to_the_relay(held).await,
        }
    }

    /// Whether a run of the relay that may take until `deadline` is over.
    pub(super) fn is_over(&self, deadline: Instant) -> bool {
        Instant::now() >= deadline || self.stopping.is_cancelled()
    }

    /// Lets the lease run out now, so that the relay need not wait. The document stays: rows do.
    async fn leave_to_the_relay(&self, held: &mut HeldLease) {
        for _ in 0..GIVE_UP_TRIES {
            let given_up = held.give_up(self.clock.now());
            match self.documents.commit(vec![given_up]).await {
                Err(CommitError::Conflict(_)) => {
                    match held.refresh(self.documents.as_ref()).await {
                        Ok(true) => {}
                        Ok(false) | Err(_) => return,
                    }
                }
                // If this failed the lease runs out by itself.
                Ok(_) | Err(CommitError::Contention(_) | CommitError::Store(_)) => return,
            }
        }
    }

    async fn publish_rows(
        &self,
        held: &mut HeldLease,
        deadline: Option<Instant>,
        published: &mut HashSet<String>,
    ) -> Result<(), Stopped> {
        let query = Query::of(OUTBOX)
            .only("subject", Comparison::Equal, held.subject())
            .order_by("sequence", Direction::Ascending);
        loop {
            // Always the first page: what was published is gone from it.
            let page = self.documents.query(&query).await?;
            // The lease goes with the last row that is seen, unless there may be more behind it.
            let ends_here = page.next.is_none();
            let last = page.documents.len().saturating_sub(1);
            if page.documents.is_empty()
                && let Standing::Over = self.commit_held(vec![], held).await?
            {
                return Ok(());
            }
            for (index, document) in page.documents.iter().enumerate() {
                let row = read(document)?;
                self.publish_row(&row, held, deadline, published).await?;
                if !ends_here || index < last {
                    self.delete(&row).await?;
                } else if let Standing::Over = self.settle(&row, held).await? {
                    return Ok(());
                }
            }
        }
    }

    async fn publish_row(
        &self,
        row: &OutboxRow,
        held: &HeldLease,
        deadline: Option<Instant>,
        published: &mut HashSet<String>,
    ) -> Result<(), Stopped> {
        let over = deadline.is_some_and(|deadline| self.is_over(deadline));
        if over || held.expires_at <= self.clock.now() + PUBLISH_LIMIT {
            return Err(Stopped::OutOfTime);
        }
        let publishing = self.publisher.publish(&self.topic, row.message());
        let message_id = match tokio::time::timeout(PUBLISH_LIMIT, publishing).await {
            Ok(answer) => answer?,
            Err(elapsed) => return Err(PublishError::NoAnswer(elapsed.into()).into()),
        };
        let event_id = row.event_id.as_str();
        info!(event_id, message_id = %message_id.0, "published");
        published.insert(row.event_id.clone());
        Ok(())
    }

    /// Removes a published row and gives the lease back with it. If the subject has been marked
    /// meanwhile, the row alone goes.
    async fn settle(&self, row: &OutboxRow, held: &mut HeldLease) -> Result<Standing, Stopped> {
        let standing = self.commit_held(vec![row.delete()], held).await?;
        if matches!(standing, Standing::Held) {
            self.delete(row).await?;
        }
        Ok(standing)
    }

    /// Commits these writes together with giving the lease back. Does neither, and answers
    /// [`Standing::Held`], if the subject has been marked since the lease was last read.
    ///
    /// If the lease is somebody else's the writes are made without it: what they remove has been
    /// published, whoever holds the lease now.
    async fn commit_held(
        &self,
        writes: Vec<Write>,
        held: &mut HeldLease,
    ) -> Result<Standing, Stopped> {
        let (documents, ids) = (self.documents.as_ref(), self.ids.as_ref());
        let both = writes.iter().cloned().chain([held.release()]).collect();
        match commit_through_contention(documents, ids, both).await {
            Ok(_) => return Ok(Standing::Over),
            Err(CommitError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if held.refresh(documents).await? {
            return Ok(Standing::Held);
        }
        if !writes.is_empty() {
            commit_through_contention(documents, ids, writes).await?;
        }
        Ok(Standing::Over)
    }

    async fn delete(&self, row: &OutboxRow) -> Result<(), Stopped> {
        let (documents, ids) = (self.documents.as_ref(), self.ids.as_ref());
        commit_through_contention(documents, ids, vec![row.delete()]).await?;
        Ok(())
    }
}

/// A row that cannot be read stops its subject, loudly; it cannot be skipped without losing order.
pub(super) fn read(document: &Document) -> Result<OutboxRow, MalformedDocument> {
    OutboxRow::from_fields(&document.fields).inspect_err(
        |error| tracing::error!(row = document.key.id(), %error, "not published: the outbox row cannot be read"),
    )
}
