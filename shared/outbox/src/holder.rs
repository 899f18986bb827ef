//! What the holder of a line's lease does: publish the line's rows in sequence order, then give the
//! lease back.

use std::collections::HashSet;

use fanout_bus::{PUBLISH_LIMIT, PublishError};
use fanout_runtime::{Latency, LogScope, error_chain};
use fanout_store::{
    CommitError, Comparison, Direction, Document, MalformedDocument, Query, StoreError, Write,
    through_contention,
};
use fanout_telemetry::{send_span, sent};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{Instrument as _, error, info, warn};

use crate::lease::{HeldLease, LineOf};
use crate::outbox::Outbox;
use crate::row::{EVENTS, EventRow};

/// How often a holder that stops early tries to say so, against marks made meanwhile.
const GIVE_UP_TRIES: u32 = 3;

/// Why a holder stopped before its line's rows were published.
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lease {
    Held,
    /// Given back, or taken over by another holder.
    Over,
}

/// The holder of a line's lease.
pub(super) struct Holder<'a> {
    outbox: &'a Outbox,
    held: HeldLease,
    /// One more limit beside the lease's own.
    deadline: Option<Instant>,
    done: Published,
}

#[derive(Default)]
pub(super) struct Published {
    pub(super) published: u64,
    /// The events that wait no longer. One that was published may wait still: its mark failed.
    pub(super) settled: HashSet<String>,
}

impl<'a> Holder<'a> {
    pub(super) fn new(outbox: &'a Outbox, held: HeldLease, deadline: Option<Instant>) -> Self {
        Self {
            outbox,
            held,
            deadline,
            done: Published::default(),
        }
    }

    /// Publishes `rows`, the line's oldest, and says so by `answered`, published or not. Then marks
    /// them as published and gives the lease back, unless more rows of the line came meanwhile; those
    /// are published first.
    pub(super) async fn publish_first(
        mut self,
        rows: Vec<EventRow>,
        answered: oneshot::Sender<()>,
    ) {
        let (done, stopped) = self.publish_in_turn(&rows).await;
        // The request may be gone. If it is not, its answer goes before what follows.
        let _ = answered.send(());
        tokio::task::yield_now().await;
        let tidied = match stopped {
            None => self.tidy_up(&rows).await,
            Some(reason) => {
                let settled = self.settle(&rows[..done]).await;
                settled.and(Err(reason))
            }
        };
        if let Err(reason) = tidied {
            self.stop_early(&reason).await;
        }
    }

    /// Publishes row after row; answers how many, and what stopped it.
    async fn publish_in_turn(&mut self, rows: &[EventRow]) -> (usize, Option<Stopped>) {
        for (done, row) in rows.iter().enumerate() {
            if let Err(reason) = self.publish_row(row).await {
                return (done, Some(reason));
            }
        }
        (rows.len(), None)
    }

    async fn tidy_up(&mut self, rows: &[EventRow]) -> Result<(), Stopped> {
        match self.settle_and_release(rows).await? {
            Lease::Over => Ok(()),
            Lease::Held => self.publish_rows().await,
        }
    }

    /// Publishes the line's rows until none waits, and gives the lease back. Answers what was done,
    /// also when it stopped early; the lease is then left to the relay.
    pub(super) async fn publish_all(mut self) -> (Published, Result<(), Stopped>) {
        let ended = self.publish_rows().await;
        if let Err(reason) = &ended {
            self.stop_early(reason).await;
        }
        (self.done, ended)
    }

    async fn publish_rows(&mut self) -> Result<(), Stopped> {
        loop {
            let (rows, next) = self.waiting_rows().await?;
            // The lease goes with the last row that is seen, unless the line goes on behind it.
            let last = rows.len().saturating_sub(1);
            for (index, row) in rows.iter().enumerate() {
                self.publish_row(row).await?;
                let row = std::slice::from_ref(row);
                if next.is_some() || index < last {
                    self.settle(row).await?;
                } else if self.settle_and_release(row).await? == Lease::Over {
                    return Ok(());
                }
            }
            if let Some(next) = next {
                self.held.from = next;
            } else if rows.is_empty() && self.settle_and_release(&[]).await? == Lease::Over {
                return Ok(());
            }
        }
    }

    /// The rows that wait on one page of the line, from where nothing waits before; and where the
    /// line goes on behind the page, if it does.
    async fn waiting_rows(&self) -> Result<(Vec<EventRow>, Option<u64>), Stopped> {
        let line = &self.held.line;
        let documents = self.outbox.documents.as_ref();
        let (found, next) = match &line.of {
            LineOf::Event(id) => {
                let row = documents.get(&EventRow::key_of(id)).await?;
                (row.into_iter().collect(), None)
            }
            LineOf::Subject(subject) => {
                let query = Query::of(EVENTS)
                    .only("subject", Comparison::Equal, subject.as_str())
                    .only("sequence", Comparison::AtLeast, self.held.from)
                    .order_by("sequence", Direction::Ascending);
                let page = documents.query(&query).await?;
                let last = page.documents.last().filter(|_| page.next.is_some());
                let next = last.map(|last| last.fields.count("sequence").map(|it| it + 1));
                (page.documents, next.transpose()?)
            }
        };
        let mut rows = Vec::new();
        for document in &found {
            let row = read(document)?;
            if row.waits() && line.holds(&row) {
                rows.push(row);
            }
        }
        Ok((rows, next))
    }

    async fn publish_row(&mut self, row: &EventRow) -> Result<(), Stopped> {
        let outbox = self.outbox;
        let over = self.deadline.is_some_and(|it| outbox.is_over(it));
        if over || self.held.expires_at <= outbox.clock.now() + PUBLISH_LIMIT {
            return Err(Stopped::OutOfTime);
        }
        let started = Instant::now();
        let span = send_span(&row.topic, || row.trace());
        let publishing = outbox.publisher.publish(&row.topic, row.message());
        let publishing = publishing.instrument(span.clone());
        let answer = tokio::time::timeout(PUBLISH_LIMIT, publishing).await;
        let answer = answer.unwrap_or_else(|elapsed| Err(PublishError::NoAnswer(elapsed.into())));
        let taken = answer.as_ref().map(|message_id| message_id.0.as_str());
        sent(&span, taken, PublishError::slug);
        drop(span);
        let unwell = |error: &PublishError| !matches!(error, PublishError::Refused(_));
        outbox.bus_answered(!answer.as_ref().is_err_and(unwell));
        if let Err(error @ PublishError::Refused(_)) = &answer {
            self.note_refusal(row, &error_chain(error)).await;
        }
        let message_id = answer?;
        let took = started.elapsed();
        LogScope::current().in_trace(row.trace()).around_all_of(|| {
            info!(
                event_id = row.event_id.as_str(),
                message_id = %message_id.0,
                topic = row.topic.as_str(),
                send_latency = %Latency(took),
                "published"
            );
        });
        self.done.published += 1;
        Ok(())
    }

    /// Leaves word for the operator who asks why a line is blocked. If that fails, the log has it.
    async fn note_refusal(&self, row: &EventRow, why: &str) {
        if let Some(write) = row.refused(why) {
            let _ = self.outbox.documents.commit(vec![write]).await;
        }
    }

    /// Marks rows as published, also if the lease is another holder's by now: they have been.
    async fn settle(&mut self, rows: &[EventRow]) -> Result<(), Stopped> {
        let writes = self.published_writes(rows);
        if !writes.is_empty() {
            self.commit(writes).await?;
            self.passed(rows);
        }
        Ok(())
    }

    /// Marks rows as published and gives the lease back with them. If the line has been marked since
    /// the lease was last read, the lease stays.
    async fn settle_and_release(&mut self, rows: &[EventRow]) -> Result<Lease, Stopped> {
        let lease_key = self.held.line.key();
        let mut all = self.published_writes(rows);
        all.push(self.held.release());
        match self.commit(all).await {
            Ok(()) => {
                self.passed(rows);
                return Ok(Lease::Over);
            }
            Err(CommitError::Conflict(conflict)) if conflict.key == lease_key => {}
            Err(error) => return Err(error.into()),
        }
        let ours = self.held.refresh(self.outbox.documents.as_ref()).await?;
        self.settle(rows).await?;
        Ok(if ours { Lease::Held } else { Lease::Over })
    }

    fn published_writes(&self, rows: &[EventRow]) -> Vec<Write> {
        let now = self.outbox.clock.now();
        let rows = rows.iter();
        rows.map(|row| row.published(now, self.outbox.settings.events_kept))
            .collect()
    }

    /// Commits; a row that is gone needs no mark, and is left out. Rows whose marks are lost are
    /// published once more, under the ids they have.
    async fn commit(&self, mut writes: Vec<Write>) -> Result<(), CommitError> {
        let lease_key = self.held.line.key();
        let (documents, ids) = (self.outbox.documents.as_ref(), self.outbox.ids.as_ref());
        while !writes.is_empty() {
            let commit = || documents.commit_lazily(writes.clone());
            match through_contention(ids, commit).await {
                Err(CommitError::Conflict(conflict)) if conflict.key != lease_key => {
                    writes.retain(|write| write.key != conflict.key);
                }
                answer => return answer.map(drop),
            }
        }
        Ok(())
    }

    /// Nothing of the line waits up to these rows any more.
    fn passed(&mut self, rows: &[EventRow]) {
        let events = rows.iter().map(|row| row.event_id.clone());
        self.done.settled.extend(events);
        if let Some(last) = rows.last() {
            self.held.from = self.held.from.max(last.sequence + 1);
        }
    }

    /// Leaves what remains to the relay: at once, or once the lease has run out by itself.
    async fn stop_early(&mut self, reason: &Stopped) {
        let (subject, error) = (self.held.line.name(), error_chain(reason));
        match reason {
            // It will never be taken: an operator has to look at it.
            Stopped::Publish(PublishError::Refused(_)) | Stopped::Unreadable(_) => {
                error!(subject, error, "not published: this subject is blocked");
            }
            Stopped::OutOfTime
            | Stopped::Publish(PublishError::Unavailable(_) | PublishError::NoAnswer(_))
            | Stopped::Store(_)
            | Stopped::Commit(_) => {
                warn!(
                    subject,
                    error, "not published: this subject waits for the relay"
                );
            }
        }
        match reason {
            // The message may be on its way still, so the relay is not asked to send it again soon.
            Stopped::Publish(PublishError::NoAnswer(_)) => {}
            Stopped::OutOfTime
            | Stopped::Publish(PublishError::Unavailable(_) | PublishError::Refused(_))
            | Stopped::Unreadable(_)
            | Stopped::Store(_)
            | Stopped::Commit(_) => self.leave_to_the_relay().await,
        }
    }

    /// Lets the lease run out now, so that the relay need not wait. The document stays: rows do.
    async fn leave_to_the_relay(&mut self) {
        let documents = self.outbox.documents.as_ref();
        for _ in 0..GIVE_UP_TRIES {
            let given_up = self.held.give_up(self.outbox.clock.now());
            match documents.commit(vec![given_up]).await {
                Err(CommitError::Conflict(_)) => match self.held.refresh(documents).await {
                    Ok(true) => {}
                    Ok(false) | Err(_) => return,
                },
                // If this failed the lease runs out by itself.
                Ok(_) | Err(CommitError::Contention(_) | CommitError::Store(_)) => return,
            }
        }
    }
}

impl Outbox {
    /// Whether a run of the relay that may take until `deadline` is over.
    pub(super) fn is_over(&self, deadline: Instant) -> bool {
        Instant::now() >= deadline || self.stopping.is_cancelled()
    }
}

/// A row that cannot be read stops its line, loudly; it cannot be skipped without losing order.
pub(super) fn read(document: &Document) -> Result<EventRow, MalformedDocument> {
    EventRow::from_document(document).inspect_err(
        |error| error!(row = document.key.id(), %error, "not published: the event's row cannot be read"),
    )
}
