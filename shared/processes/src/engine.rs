//! What moves processes, beside the events that they react to.

use std::sync::Arc;

use fanout_events::{Data, Envelope, EventType};
use fanout_outbox::{Draft, Events, Origin, Outbox, UnwritableEvent, caused_event_id};
use fanout_runtime::{BoxError, Clock, Timestamp};
use fanout_store::{CommitError, Documents, ReadError, Write};
use serde_json::Value;

use crate::advance::Advanced;
use crate::instance::Instance;
use crate::process::{OperateError, ProcessError};
use crate::stored::{StoredProcess, process_key};
use crate::table::{Owned, Processes};

/// The processes, and what they are stored and published with.
#[derive(Clone)]
pub struct Engine {
    pub(crate) processes: Processes,
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) outbox: Outbox,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Why an instance was not moved.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no such instance.
    #[error("there is no such process")]
    NoSuchProcess,
    /// This build does not have the version that the instance belongs to.
    #[error("this build does not know the process in this version")]
    UnknownVersion,
    /// The process refuses.
    #[error(transparent)]
    Refused(#[from] OperateError),
    /// Others moved it all the time.
    #[error("the process was moved by others all the time")]
    Busy,
    /// A fault of the program.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It could not be stored.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// An instance that begins with a service's own commit: to be committed with what it is about.
pub struct Begun {
    /// How it begins.
    pub instance: Instance<Value>,
    /// Its document, which must not exist, and what it writes beside it.
    pub writes: Vec<Write>,
    /// The fact that it begins with, and what it asks for first.
    pub events: Events,
}

/// Why an instance does not begin.
#[derive(Debug, thiserror::Error)]
#[error("the process cannot begin")]
pub struct CannotBegin(#[source] BoxError);

impl Engine {
    /// The engine of these processes. Events leave by `outbox`, each under the name of the service
    /// that owns its process.
    pub fn new(
        processes: Processes,
        documents: Arc<dyn Documents>,
        outbox: Outbox,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            processes,
            documents,
            outbox,
            clock,
        }
    }

    /// Begins the instance `key` of a process with the first fact about `key`, for a commit of the
    /// caller's. All ids follow from process and key.
    pub fn begin<T: EventType>(
        &self,
        name: &str,
        key: &str,
        fact: &T,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Begun, CannotBegin> {
        let owned = self.processes.newest(name).ok_or_else(|| {
            let unknown: BoxError = Box::new(EngineError::UnknownVersion);
            CannotBegin(unknown)
        })?;
        let cause = format!("{name}:{key}:0");
        let event = Envelope {
            id: caused_event_id(&cause, name, T::TYPE, 0),
            event_type: T::TYPE.to_owned(),
            source: owned.service.to_owned(),
            subject: key.to_owned(),
            sequence: 1,
            timestamp: now,
            correlation_id: origin.correlation_id.clone(),
            causation_id: None,
            data: data_of(fact).map_err(|error| CannotBegin(error.into()))?,
            metadata: T::metadata(),
        };
        let begun = owned.begin(key, &event, now);
        let begun = begun.map_err(|error| CannotBegin(error.into()))?;
        let written = |error: UnwritableEvent| CannotBegin(error.into());
        let draft = Draft::of(key, 1, fact).map_err(written)?.at(now);
        let following = Origin {
            causation_id: Some(event.id),
            ..origin.clone()
        };
        let outbox = self.outbox.of(owned.service);
        let events = |origin: &Origin, drafts: &[Draft]| {
            let events = outbox.events_following(&cause, name, origin, drafts);
            events.map_err(|error| CannotBegin(error.into()))
        };
        let Advanced {
            stored,
            writes,
            emits,
        } = begun;
        let create = stored.create();
        Ok(Begun {
            instance: stored.instance,
            writes: [create].into_iter().chain(writes).collect(),
            events: events(origin, &[draft])?.and(events(&following, &emits)?),
        })
    }

    /// The instance, with its document's version.
    pub(crate) async fn read(
        &self,
        name: &str,
        key: &str,
    ) -> Result<(StoredProcess, fanout_store::UpdateTime), EngineError> {
        let found = self.documents.get(&process_key(name, key)).await;
        let found = found.map_err(ReadError::from)?;
        let document = found.ok_or(EngineError::NoSuchProcess)?;
        let stored = StoredProcess::from_document(&document).map_err(ReadError::from)?;
        Ok((stored, document.update_time))
    }

    pub(crate) fn owner(&self, stored: &StoredProcess) -> Result<&Owned, EngineError> {
        let owned = self.processes.find(&stored.name, stored.version);
        owned.ok_or(EngineError::UnknownVersion)
    }

    /// Commits what a wake or a word made of an instance, in this version of its document, and
    /// publishes what that emits. `cause` is that of the instance before.
    pub(crate) async fn commit(
        &self,
        service: &str,
        cause: &str,
        advanced: Advanced,
        version: fanout_store::UpdateTime,
    ) -> Result<StoredProcess, CommitError> {
        let Advanced {
            stored,
            writes,
            emits,
        } = advanced;
        let origin = Origin {
            correlation_id: stored.correlation_id.clone(),
            causation_id: None,
            trace: None,
        };
        let outbox = self.outbox.of(service);
        let events = outbox.events_following(cause, &stored.name, &origin, &emits)?;
        let document = stored.replace(version);
        let all = [document].into_iter().chain(writes).collect();
        let committed = outbox.commit(all, events).await?;
        outbox.publish_now(committed).await;
        Ok(stored)
    }
}

fn data_of(fact: &impl EventType) -> Result<Data, UnwritableEvent> {
    match serde_json::to_value(fact)? {
        Value::Object(data) => Ok(Data(data)),
        _ => Ok(Data::default()),
    }
}
