//! What an event does to the processes of a service.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_consume::{Consumer, EventEffect, Failure, Plan, UnitOfWork, View};
use fanout_events::Event;
use fanout_runtime::Clock;
use fanout_store::Document;

use crate::advance::Advanced;
use crate::engine::EngineError;
use crate::instance::{Instance, Status};
use crate::process::{Input, ProcessError, Route};
use crate::stored::{StoredProcess, process_key};
use crate::table::{Owned, Processes};

impl Processes {
    /// The consumer, reacting to all that these processes listen to.
    pub fn on(&self, consumer: Consumer, clock: Arc<dyn Clock>) -> Consumer {
        let processes = self.clone();
        let effect: Arc<dyn EventEffect> = Arc::new(React { processes, clock });
        let types = self.listens().into_iter();
        types.fold(consumer, |consumer, (domain, known)| {
            consumer.on_known(domain, known, Arc::clone(&effect))
        })
    }
}

struct React {
    processes: Processes,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl EventEffect for React {
    async fn plan(&self, event: &Event, view: &View<'_>) -> Result<Plan, Failure> {
        let mut work = UnitOfWork::default();
        for (name, route) in self.processes.routes(event) {
            let found = view.get(&process_key(name, &route.key)).await?;
            self.advance(name, &route, event, found, &mut work)?;
        }
        Ok(Plan::Apply(work))
    }
}

impl React {
    fn advance(
        &self,
        name: &'static str,
        route: &Route,
        event: &Event,
        found: Option<Document>,
        work: &mut UnitOfWork,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let Some(document) = found else {
            let newest = self.processes.newest(name).filter(|_| route.starts);
            // What begins it may still be on its way; in the end it is a dead letter.
            let owned = newest.ok_or_else(|| Failure::retry(EngineError::NoSuchProcess))?;
            let begun = owned
                .begin(&route.key, event, now)
                .map_err(Failure::retry)?;
            let create = begun.stored.create();
            begun.join(create, work);
            return Ok(());
        };
        if route.starts {
            return Ok(());
        }
        let stored = StoredProcess::from_document(&document)?;
        // A rolling deploy heals itself: another instance of the service knows this version.
        let owned = self.processes.find(name, stored.version);
        let owned = owned.ok_or_else(|| Failure::retry(EngineError::UnknownVersion))?;
        let input = Input::Event(event);
        let step = owned.machine.on(stored.instance.clone(), input, now);
        if let Some(step) = step.map_err(Failure::retry)? {
            let advanced = stored.advance(step, now);
            let replace = advanced.stored.replace(document.update_time);
            advanced.join(replace, work);
        }
        Ok(())
    }
}

impl Owned {
    /// A new instance.
    pub(crate) fn begin(
        &self,
        key: &str,
        event: &Event,
        now: fanout_runtime::Timestamp,
    ) -> Result<Advanced, ProcessError> {
        let step = self.machine.start(key, event, now)?;
        let empty = StoredProcess {
            name: self.machine.name().to_owned(),
            version: self.machine.version(),
            instance: Instance {
                key: key.to_owned(),
                status: Status::Running,
                state: serde_json::Value::Null,
                steps: Vec::new(),
                failure: None,
            },
            emitted: 0,
            wake_at: None,
            correlation_id: event.correlation_id.clone(),
            started_at: now,
            updated_at: now,
            ended_at: None,
        };
        Ok(empty.advance(step, now))
    }
}

impl Advanced {
    fn join(self, document: fanout_store::Write, work: &mut UnitOfWork) {
        work.writes.push(document);
        work.writes.extend(self.writes);
        work.emits.extend(self.emits);
    }
}
