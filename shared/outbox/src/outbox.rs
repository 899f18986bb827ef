//! The outbox: what a service stores and publishes its events with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::settings::OutboxSettings;
use fanout_bus::{PUBLISH_LIMIT, Publisher};
use fanout_runtime::{Clock, IdGenerator, error_chain, in_current_scope};
use fanout_store::{CommitError, Documents, Write};
use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::instrument::{Instrument as _, WithSubscriber as _};
use tracing::warn;

use crate::draft::{Draft, Origin};
use crate::holder::Holder;
use crate::unit::{Committed, CommittedLine};

/// How long an answer waits for the bus.
const INLINE_LIMIT: Duration = Duration::from_secs(2);
/// For how long answers do not wait at all after the bus has failed.
const IMPATIENCE: Duration = Duration::from_secs(10);
/// How long a line belongs to the request that stored its event: commit, publish, tidy up.
pub(super) const INLINE_LEASE: Duration = Duration::from_secs(20);

const _: () = assert!(PUBLISH_LIMIT.as_millis() < INLINE_LEASE.as_millis());

/// Stores events in the commit of what they tell of, and publishes them.
#[derive(Clone)]
pub struct Outbox {
    pub(super) documents: Arc<dyn Documents>,
    pub(super) publisher: Arc<dyn Publisher>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdGenerator>,
    /// The service whose events these are.
    pub(super) source: String,
    pub(super) settings: OutboxSettings,
    /// Ends what takes long, at the end of the process.
    pub(super) stopping: CancellationToken,
    tasks: TaskTracker,
    /// Until when answers do not wait for the bus.
    impatient_until: Arc<Mutex<Option<Instant>>>,
}

impl Outbox {
    /// The outbox of the service `source` in these documents.
    pub fn new(
        documents: Arc<dyn Documents>,
        publisher: Arc<dyn Publisher>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        source: impl Into<String>,
    ) -> Self {
        Self {
            documents,
            publisher,
            clock,
            ids,
            source: source.into(),
            settings: OutboxSettings::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            impatient_until: Arc::default(),
        }
    }

    /// The same, as the system's settings say.
    pub fn told(self, settings: OutboxSettings) -> Self {
        Self { settings, ..self }
    }

    /// The outbox of another service in the same process.
    pub fn of(&self, source: &str) -> Self {
        Self {
            source: source.to_owned(),
            ..self.clone()
        }
    }

    /// Stores `writes` and the events that tell of them, all or nothing, then publishes the events.
    /// What is not published within 2 s is published later: it is no error.
    ///
    /// The errors are those of [`Documents::commit`] for `writes`; see [`Outbox::commit`].
    pub async fn store(
        &self,
        writes: Vec<Write>,
        events: Vec<Draft>,
        origin: &Origin,
    ) -> Result<(), CommitError> {
        let events = self.events_of(events, origin)?;
        let committed = self.commit(writes, events).await?;
        self.publish_now(committed).await;
        Ok(())
    }

    /// Publishes what has just been committed, as far as that falls to this request. Never fails:
    /// what is not published now, the line's holder or the relay publishes.
    ///
    /// Takes 2 s at most, and no time within 10 s of a failure of the bus. The work is done by tasks
    /// of their own, which go on when those are over or the caller goes away: an answer that comes
    /// late is heard, and the event is not sent again. Without that task (a container without CPU)
    /// the lease runs out, for the relay.
    pub async fn publish_now(&self, committed: Committed) {
        if committed.lines.is_empty() {
            return;
        }
        let publishing = committed.lines.into_iter().map(|line| self.begin(line));
        let answers = join_all(publishing.collect::<Vec<_>>());
        if self.is_impatient() {
            warn!(
                "not published yet: the bus has just failed, and the request does not wait for it"
            );
            return;
        }
        if tokio::time::timeout(INLINE_LIMIT, answers).await.is_err() {
            self.bus_answered(false);
            let limit_ms = INLINE_LIMIT.as_millis() as u64;
            warn!(
                limit_ms,
                "not published yet: the bus has not answered, and the request does not wait for it"
            );
        }
    }

    /// Begins to publish a line's events; answers once that has gone as it does.
    fn begin(&self, line: CommittedLine) -> oneshot::Receiver<()> {
        let (answered, answer) = oneshot::channel();
        let outbox = self.clone();
        let publishing = async move { outbox.publish_line(line, answered).await };
        self.tasks
            .spawn(in_current_scope(publishing.in_current_span()).with_current_subscriber());
        answer
    }

    async fn publish_line(&self, line: CommittedLine, answered: oneshot::Sender<()>) {
        let CommittedLine { lease, rows, held } = line;
        if let Some(held) = held {
            let holder = Holder::new(self, held, None);
            return holder.publish_first(rows, answered).await;
        }
        // Left to the holder, unless that one has left its lease behind. The answer waits for
        // neither. While the bus fails, holders leave leases behind all the time, for the relay.
        let _ = answered.send(());
        if self.is_impatient() {
            return;
        }
        match lease
            .acquire_if_left(self.documents.as_ref(), self.clock.now())
            .await
        {
            Ok(Some(held)) => {
                // It logs itself what stops it; the relay does the rest.
                let _ = Holder::new(self, held, None).publish_all().await;
            }
            Ok(None) => {}
            Err(error) => {
                let error = error_chain(&error);
                warn!(error, "not published: left to the relay");
            }
        }
    }

    /// Notes whether the bus works: for a while after it failed no answer waits for it.
    pub(super) fn bus_answered(&self, well: bool) {
        *self.impatience() = (!well).then(|| Instant::now() + IMPATIENCE);
    }

    fn is_impatient(&self) -> bool {
        let until = *self.impatience();
        until.is_some_and(|until| Instant::now() < until)
    }

    fn impatience(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.impatient_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends runs of the relay between two rows, now and from now on. For the end of the process.
    pub fn stop_relaying(&self) {
        self.stopping.cancel();
    }

    /// Whether the process is about to end.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Waits until nothing is left to be published or tidied up after a request. For the end of the
    /// process.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
