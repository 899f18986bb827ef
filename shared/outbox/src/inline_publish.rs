//! Publishing right after the commit, by the request that stored the event.

use std::sync::Arc;
use std::time::Duration;

use fanout_events::Event;
use fanout_runtime::{Clock, IdGenerator, TraceContext};
use fanout_store::Documents;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::instrument::{Instrument as _, WithSubscriber as _};
use tracing::{info, warn};

use super::commit::{Committed, Pending};
use super::row::{OutboxRow, UnwritableEvent};
use super::subject_lease::SubjectLease;
use fanout_bus::PUBLISH_LIMIT;
use fanout_bus::Publisher;

/// How long an answer waits for the bus.
const INLINE_LIMIT: Duration = Duration::from_secs(2);
/// How long a subject belongs to the request that stored its event: commit, publish, tidy up.
const INLINE_LEASE: Duration = Duration::from_secs(20);

const _: () = assert!(PUBLISH_LIMIT.as_millis() < INLINE_LEASE.as_millis());

/// Stores events and publishes them.
#[derive(Clone)]
pub struct Outbox {
    pub(super) documents: Arc<dyn Documents>,
    pub(super) publisher: Arc<dyn Publisher>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdGenerator>,
    pub(super) topic: String,
    /// Ends what takes long, at the end of the process.
    pub(super) stopping: CancellationToken,
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
            stopping: CancellationToken::new(),
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
    /// Takes 2 s at most. The work is done by a task of its own, which goes on when those are over
    /// or the caller goes away: an answer that comes late is heard, and nobody sends the event
    /// again. Without that task (a container without CPU) the lease runs out, for the relay.
    pub async fn publish_now(&self, committed: Committed) {
        let Committed { row, held } = committed;
        let event_id = row.event_id.clone();
        let Some(held) = held else {
            info!(event_id, "left to whoever publishes for the same subject");
            return;
        };
        let (answered, answer) = oneshot::channel();
        let outbox = self.clone();
        let publishing = async move { outbox.publish_first(row, held, answered).await };
        self.tasks
            .spawn(publishing.in_current_span().with_current_subscriber());
        if tokio::time::timeout(INLINE_LIMIT, answer).await.is_err() {
            let limit_ms = INLINE_LIMIT.as_millis() as u64;
            warn!(
                event_id,
                limit_ms,
                "not published yet: the bus has not answered, and the request does not wait for it"
            );
        }
    }

    /// Ends runs of the relay between two rows, now and from now on. For the end of the process.
    pub fn stop_relaying(&self) {
        self.stopping.cancel();
    }

    /// Waits until nothing is left to be published or tidied up after a request. For the end of the
    /// process.
    pub async fn drain(&self) {
        self.tasks.close();
        tokio::join!(self.tasks.wait(), self.publisher.flush());
    }
}
