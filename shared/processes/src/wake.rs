//! Waking: the time that a document carries has come. Cloud Run gives no CPU between requests, so
//! the ticker asks for it.

use std::time::Duration;

use fanout_runtime::{Timestamp, error_chain};
use fanout_store::{CommitError, Comparison, Direction, Document, Query, ReadError, StoreError};
use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;
use tokio::time::Instant;
use tracing::{error, info};

use crate::engine::{Engine, EngineError};
use crate::process::Input;
use crate::stored::{PROCESSES, StoredProcess, WAKE_SHARDS};

/// How long one run may take: Cloud Scheduler asks each minute, Cloud Run cuts at 60 s.
const RUN_LIMIT: Duration = Duration::from_secs(40);
/// How many instances a query asks for.
const PAGE: u32 = 50;
/// How many are woken at once.
const AT_ONCE: usize = 16;

/// What one run has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WakeReport {
    /// Processes woken now.
    pub woken: u64,
    /// Processes that could not be woken.
    pub failed: u64,
    /// Processes that are due and were not woken, as far as the run came.
    pub remaining: u64,
    /// For how long the oldest of those has been due; 0 if none is.
    pub oldest_lateness_seconds: u64,
}

/// A process that was woken changes nothing: it would be woken for ever.
#[derive(Debug, thiserror::Error)]
#[error("the process was due, and its state says that nothing is")]
struct NothingDue;

impl Engine {
    /// Wakes every instance whose time has come. Ends at its time limit between two instances, or
    /// when the service stops, with a report all the same. Safe to run any number of times at once:
    /// the version of the document is the guard.
    pub async fn wake_due(&self) -> Result<WakeReport, StoreError> {
        let deadline = Instant::now() + RUN_LIMIT;
        let now = self.clock.now();
        let mut report = WakeReport::default();
        if self.processes.all().next().is_none() {
            return Ok(report);
        }
        for shard in 0..WAKE_SHARDS {
            let mut next = Some(
                Query::of(PROCESSES)
                    .only("wake_shard", Comparison::Equal, shard)
                    .only("wake_at", Comparison::AtMost, now)
                    .order_by("wake_at", Direction::Ascending)
                    .limit(PAGE),
            );
            while let Some(query) = next.take() {
                let page = self.documents.query(&query).await?;
                let is_over = || self.outbox.is_stopping() || Instant::now() >= deadline;
                let waking = stream::iter(page.documents).map(|document| async {
                    if is_over() {
                        return (due_at(&document), None);
                    }
                    let due_at = due_at(&document);
                    (due_at, Some(self.wake(document, now).await))
                });
                let mut woken = waking.buffer_unordered(AT_ONCE);
                while let Some((due_at, answer)) = woken.next().await {
                    report.count(due_at, answer, now);
                }
                next = page
                    .next
                    .filter(|_| !is_over())
                    .map(|next| query.after(next));
            }
        }
        if report != WakeReport::default() {
            let WakeReport {
                woken,
                failed,
                remaining,
                oldest_lateness_seconds,
            } = report;
            info!(
                woken,
                failed, remaining, oldest_lateness_seconds, "processes woken"
            );
        }
        Ok(report)
    }

    /// Wakes one; false if another was faster.
    async fn wake(&self, document: Document, now: Timestamp) -> Result<bool, ()> {
        match self.try_to_wake(&document, now).await {
            Ok(()) => Ok(true),
            Err(EngineError::Commit(CommitError::Conflict(_))) => Ok(false),
            Err(error) => {
                let (process, error) = (document.key.id(), error_chain(&error));
                error!(process, error, "a process could not be woken");
                Err(())
            }
        }
    }

    async fn try_to_wake(&self, document: &Document, now: Timestamp) -> Result<(), EngineError> {
        let stored = StoredProcess::from_document(document).map_err(ReadError::from)?;
        let owned = self.owner(&stored)?;
        let step = owned.machine.on(stored.instance.clone(), Input::Due, now)?;
        let step = step.ok_or_else(|| StoreError::Refused(NothingDue.into()));
        let step = step.map_err(ReadError::from)?;
        let cause = stored.cause();
        let advanced = stored.advance(step, now);
        let version = document.update_time;
        self.commit(owned.service, &cause, advanced, version)
            .await?;
        Ok(())
    }
}

fn due_at(document: &Document) -> Option<Timestamp> {
    document.fields.timestamp("wake_at").ok()
}

impl WakeReport {
    /// `answer` is `None` if the time was up.
    fn count(
        &mut self,
        due_at: Option<Timestamp>,
        answer: Option<Result<bool, ()>>,
        now: Timestamp,
    ) {
        match answer {
            Some(Ok(woken)) => {
                self.woken += u64::from(woken);
                return;
            }
            Some(Err(())) => self.failed += 1,
            None => {}
        }
        self.remaining += 1;
        let late = due_at.map_or(0, |due| (now - due).num_seconds());
        let late = u64::try_from(late).unwrap_or_default();
        self.oldest_lateness_seconds = self.oldest_lateness_seconds.max(late);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fanout_contracts::operator::OperatorIntervened;
    use fanout_events::{Domain, Event, KnownType};
    use fanout_outbox::{Draft, Origin, Outbox};
    use fanout_runtime::Clock as _;
    use fanout_store_sqlite::{Database, SqliteDocuments};
    use fanout_testkit::{ManualClock, ScriptedBus, SeededIds};

    use super::*;
    use crate::{
        Emit, Instance, OperateError, Owned, Process, ProcessError, Processes, Route, Status, Step,
        Verb, machine,
    };

    const MINUTE: Duration = Duration::from_secs(60);

    /// Says the same of its key each minute, and asks nobody for anything.
    struct Reminder;

    fn reminder(key: &str) -> OperatorIntervened {
        OperatorIntervened {
            process: Reminder.name().to_owned(),
            key: key.to_owned(),
            verb: "retry".to_owned(),
            step: None,
            reason: None,
        }
    }

    fn waiting(instance: Instance<u64>, emit: Vec<Emit>, now: Timestamp) -> Step<u64> {
        Step {
            instance,
            emit,
            writes: Vec::new(),
            wake: Some(now + MINUTE),
        }
    }

    impl Process for Reminder {
        type State = u64;

        fn name(&self) -> &'static str {
            "reminder"
        }

        fn version(&self) -> u32 {
            1
        }

        fn listens(&self) -> Vec<(&'static Domain, KnownType)> {
            Vec::new()
        }

        fn route(&self, _: &Event) -> Option<Route> {
            None
        }

        fn start(&self, key: &str, _: &Event, now: Timestamp) -> Result<Step<u64>, ProcessError> {
            let instance = Instance {
                key: key.to_owned(),
                status: Status::Running,
                state: 1,
                steps: Vec::new(),
                failure: None,
            };
            Ok(waiting(instance, Vec::new(), now))
        }

        fn on(
            &self,
            mut instance: Instance<u64>,
            _: Input<'_>,
            now: Timestamp,
        ) -> Result<Option<Step<u64>>, ProcessError> {
            instance.state += 1;
            let key = instance.key.clone();
            let fact = Draft::of(&key, instance.state, &reminder(&key))?;
            Ok(Some(waiting(instance, vec![Emit::Fact(fact)], now)))
        }

        fn operate(
            &self,
            _: Instance<u64>,
            _: &Verb,
            _: Timestamp,
        ) -> Result<Step<u64>, OperateError> {
            Err(OperateError::Ended)
        }
    }

    #[tokio::test]
    async fn two_wakes_that_emit_the_same_type_of_fact_emit_two_events() {
        let clock = Arc::new(ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap()));
        let documents = SqliteDocuments::open(Database::in_memory().unwrap(), clock.clone()).await;
        let documents: Arc<dyn fanout_store::Documents> = Arc::new(documents.unwrap());
        let bus = Arc::new(ScriptedBus::default());
        let ids = Arc::new(SeededIds::new(7));
        let outbox = Outbox::new(documents.clone(), bus.clone(), clock.clone(), ids, "tested");
        let processes = Processes::of(vec![Owned {
            service: "tested",
            machine: machine(Reminder),
        }]);
        let engine = Engine::new(processes, documents, outbox.clone(), clock.clone());
        let (origin, now) = (Origin::default(), clock.now());
        let begun = engine.begin("reminder", "usr_1", &reminder("usr_1"), &origin, now);
        let begun = begun.unwrap();
        let committed = outbox.commit(begun.writes, begun.events).await.unwrap();
        outbox.publish_now(committed).await;
        for _ in 0..2 {
            clock.advance(MINUTE);
            assert_eq!(engine.wake_due().await.unwrap().woken, 1);
        }
        outbox.drain().await;
        let mut ids = bus.event_ids();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3, "{ids:?}");
    }
}
