//! Publishing right after the commit, by the request that stored the event.

use std::sync::Arc;
use std::time::Duration;

use fanout_events::Event;
use fanout_runtime::{Clock, IdGenerator, TraceContext, error_chain};
use fanout_store::Documents;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::commit::{Committed, Pending};
use super::row::{OutboxRow, UnwritableEvent};
use super::subject_lease::SubjectLease;
use crate::Publisher;

/// How long an answer waits for the bus: after this the relay takes over.
const INLINE_LIMIT: Duration = Duration::from_secs(2);
/// How long a subject belongs to the request that stored its event: commit, publish, tidy up.
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

    /// Makes an event ready for [`Outbox::commit`].
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

    /// Publishes what has just been committed, if that falls to this request. Never fails: what is
    /// not published now, the lease's holder or the relay publishes.
    ///
    /// Takes 2 s at most. What remains to be done after the publish is done by a task of its own,
    /// so that no answer waits for it; without that task (a container without CPU) the relay does it.
    pub async fn publish_now(&self, committed: Committed) {
        let Committed { row, held } = committed;
        let event_id = row.event_id.as_str();
        let Some(mut held) = held else {
            info!(event_id, "left to whoever publishes for the same subject");
            return;
        };
        let publishing = self.publisher.publish(&self.topic, row.message());
        let outbox = self.clone();
        match tokio::time::timeout(INLINE_LIMIT, publishing).await {
            Ok(Ok(message_id)) => {
                info!(event_id, message_id = %message_id.0, "published");
                self.tasks
                    .spawn(async move { outbox.tidy_up(&row, held).await });
            }
            Ok(Err(error)) => {
                let error = error_chain(&error);
                warn!(event_id, error, "not published: the relay will");
                self.tasks
                    .spawn(async move { outbox.leave_to_the_relay(&mut held).await });
            }
            // It may still be on its way, so the relay is not asked to hurry: the lease runs out.
            Err(_) => {
                let limit_ms = INLINE_LIMIT.as_millis() as u64;
                warn!(
                    event_id,
                    limit_ms, "not published: the bus did not answer in time; the relay will"
                );
            }
        }
    }

    /// Waits until nothing is left to be tidied up. For the end of the process.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
