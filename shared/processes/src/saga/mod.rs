//! Sagas: steps that are asked for one after the other, and undone in reverse order.

mod build;
mod definition;
mod go_on;
mod operate;
mod run;

use std::marker::PhantomData;

use fanout_events::{Domain, Event, EventType, JsonFields, KnownType, StepRef, Version};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_runtime::Timestamp;
use fanout_store::Write;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use build::{Asked, Named, Steps, Undo};
pub use definition::{Answer, Asking};

use crate::instance::{Failed, Instance};
use crate::pace::Pace;
use crate::process::{Input, OperateError, Process, ProcessError, Route, Step, StepOutline, Verb};
use definition::StepDef;
use run::Run;

/// Steps with undo. `O` is what begins it; [`Saga::named`] begins to say how it goes.
pub struct Saga<O> {
    name: &'static str,
    version: u32,
    pace: Pace,
    steps: Vec<StepDef<O>>,
    completed: Ended<O, ()>,
    compensated: Ended<O, Failed>,
    mirror: Option<Mirror<O>>,
    begun_by: PhantomData<fn() -> O>,
}

type Ended<O, W> = Box<dyn Fn(&O, &W) -> Result<Draft, UnwritableEvent> + Send + Sync>;
type Mirror<O> = Box<dyn Fn(&O, &Instance<()>, Timestamp) -> Vec<Write> + Send + Sync>;

/// What a saga knows beside its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SagaState {
    /// The version of the event that began it.
    version: String,
    /// Its data.
    data: Map<String, Value>,
    /// Why it turned around, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    turned: Option<Failed>,
}

impl<O: EventType> Saga<O> {
    /// What began the instance, in whatever version it came.
    fn begun(state: &SagaState) -> Result<O, ProcessError> {
        let version: Version = state.version.parse().map_err(|_| wrong_version())?;
        Ok(O::decode(&JsonFields::new("data.", &state.data), version)?)
    }

    fn run<'a>(
        &'a self,
        instance: Instance<SagaState>,
        now: Timestamp,
    ) -> Result<Run<'a, O>, ProcessError> {
        Ok(Run {
            saga: self,
            of: Self::begun(&instance.state)?,
            instance,
            emit: Vec::new(),
            now,
        })
    }
}

fn wrong_version() -> ProcessError {
    use serde::de::Error as _;
    ProcessError::State(serde_json::Error::custom("the version is none"))
}

impl<O: EventType> Process for Saga<O> {
    type State = SagaState;

    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn listens(&self) -> Vec<(&'static Domain, KnownType)> {
        let answers = self.steps.iter().flat_map(|step| &step.answers);
        let answers = answers.map(|(_, domain, known)| (*domain, *known));
        answers.collect()
    }

    fn outline(&self) -> Vec<StepOutline> {
        self.steps.iter().map(StepDef::outline).collect()
    }

    /// By the step that the event names.
    fn route(&self, event: &Event) -> Option<Route> {
        let step = StepRef::named_by(event)?;
        (step.process == self.name).then_some(Route {
            key: step.key,
            starts: false,
        })
    }

    fn start(
        &self,
        key: &str,
        event: &Event,
        now: Timestamp,
    ) -> Result<Step<SagaState>, ProcessError> {
        let state = SagaState {
            version: event.metadata.version.clone(),
            data: event.data.0.clone(),
            turned: None,
        };
        let mut run = self.run(Instance::begun(key, state), now)?;
        run.go_on()?;
        // Who begins it writes those documents.
        let writes = Vec::new();
        Ok(Step {
            writes,
            ..run.step()
        })
    }

    fn on(
        &self,
        instance: Instance<SagaState>,
        input: Input<'_>,
        now: Timestamp,
    ) -> Result<Option<Step<SagaState>>, ProcessError> {
        if !instance.status.is_open() {
            return Ok(None);
        }
        let mut run = self.run(instance, now)?;
        let changed = match input {
            Input::Event(event) => run.answered(event)?,
            Input::Due => run.due()?,
        };
        Ok(changed.then(|| run.step()))
    }

    fn operate(
        &self,
        instance: Instance<SagaState>,
        verb: &Verb,
        now: Timestamp,
    ) -> Result<Step<SagaState>, OperateError> {
        if !instance.status.is_open() {
            return Err(OperateError::Ended);
        }
        let mut run = self.run(instance, now)?;
        run.operate(verb)?;
        Ok(run.step())
    }
}
