//! Publishing right after the commit, by the request that stored the event.

use std::sync::Arc;
use std::time::Duration;

use fanout_events::Event;
use fanout_runtime::{Clock, IdGenerator, TraceContext, error_chain};
use fanout_store::{CommitError, CommitReceipt, Documents, Write};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::row::{OutboxRow, Pending, UnwritableEvent};
use super::subject_lease::{HeldLease, SubjectLease};
use crate::Publisher;

/// How long an answer waits for the bus: after this the relay takes over.
const INLINE_LIMIT: Duration = Duration::from_secs(2);
/// How long a new row belongs to the request that stored it: commit, publish and delete.
const INLINE_LEASE: Duration = Duration::from_secs(15);

/// Stores events and publishes them.
#[derive(Clone)]
pub struct Outbox {
    pub(super) documents: Arc<dyn Documents>,
    pub(super) publisher: Arc<dyn Publisher>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdGenerator>,
    pub(super) topic: String,
    tasks: TaskTracker,
}

impl Outbox {
    /// An outbox in these documents for one topic.
    pub fn new(
        documents: Arc<dyn Documents>,
        publisher: Arc<dyn Publisher>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        topic: String,
    ) -> Self {
        Self {
            documents,
            publisher,
            clock,
            ids,
            topic,
            tasks: TaskTracker::new(),
        }
    }

    /// Makes an event ready for the commit that its state is stored in.
    pub fn prepare(
        &self,
        event: &Event,
        trace: Option<&TraceContext>,
    ) -> Result<Pending, UnwritableEvent> {
        let now = self.clock.now();
        let owner = self.ids.new_id("own");
        Ok(Pending {
            row: OutboxRow::of(event, trace, now)?,
            lease: SubjectLease::new(&event.subject, owner, now, INLINE_LEASE),
        })
    }

    /// Publishes what has just been committed. `receipt` is of the commit that ended with
    /// [`Pending::writes`]. Never fails: what is not published now, the relay publishes.
    ///
    /// The row is deleted afterwards by a task of its own, so that no answer waits for it.
    pub async fn publish_now(&self, pending: Pending, receipt: &CommitReceipt) {
        let Pending { row, lease } = pending;
        let lease = receipt
            .update_times
            .last()
            .copied()
            .flatten()
            .map(|version| lease.held(version));
        let publishing = self.publisher.publish(&self.topic, row.message());
        let event_id = row.event_id.as_str();
        match tokio::time::timeout(INLINE_LIMIT, publishing).await {
            Ok(Ok(message_id)) => {
                info!(event_id, message_id = %message_id.0, "published");
                let outbox = self.clone();
                self.tasks
                    .spawn(async move { outbox.forget(&row, lease).await });
            }
            Ok(Err(error)) => {
                let error = error_chain(&error);
                warn!(event_id, error, "not published yet; the relay will");
            }
            Err(_) => {
                let limit_ms = INLINE_LIMIT.as_millis() as u64;
                warn!(
                    event_id,
                    limit_ms, "the bus did not answer in time; the relay publishes"
                );
            }
        }
    }

    /// Waits until nothing is left to be tidied up. For the end of the process.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Removes a published row, and the lease with it. If this fails the relay publishes the row
    /// once more, and consumers recognise it.
    async fn forget(&self, row: &OutboxRow, lease: Option<HeldLease>) {
        let delete = Write::delete(row.key());
        let both = lease.map(|lease| vec![delete.clone(), lease.release()]);
        let removed = match both {
            Some(writes) => match self.documents.commit(writes).await {
                // Somebody has taken the lease over; the row is published all the same.
                Err(CommitError::Conflict(_)) => self.documents.commit(vec![delete]).await,
                other => other,
            },
            None => self.documents.commit(vec![delete]).await,
        };
        if let Err(error) = removed {
            let (event_id, error) = (row.event_id.as_str(), error_chain(&error));
            warn!(
                event_id,
                error, "a published outbox row could not be deleted"
            );
        }
    }
}
