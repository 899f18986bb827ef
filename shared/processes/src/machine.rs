//! A process as the engine holds it: whatever its state is, it is JSON.

use std::sync::Arc;

use fanout_events::{Domain, Event, KnownType};
use fanout_runtime::Timestamp;
use serde_json::Value;

use crate::instance::Instance;
use crate::process::{Input, OperateError, Process, ProcessError, Route, Step, StepOutline, Verb};

/// [`Process`] with its state as JSON.
pub trait Machine: Send + Sync + 'static {
    /// [`Process::name`]
    fn name(&self) -> &'static str;
    /// [`Process::version`]
    fn version(&self) -> u32;
    /// [`Process::listens`]
    fn listens(&self) -> Vec<(&'static Domain, KnownType)>;
    /// [`Process::outline`]
    fn outline(&self) -> Vec<StepOutline>;
    /// [`Process::route`]
    fn route(&self, event: &Event) -> Option<Route>;
    /// [`Process::start`]
    fn start(&self, key: &str, event: &Event, now: Timestamp) -> Result<Step<Value>, ProcessError>;
    /// [`Process::on`]
    fn on(
        &self,
        instance: Instance<Value>,
        input: Input<'_>,
        now: Timestamp,
    ) -> Result<Option<Step<Value>>, ProcessError>;
    /// [`Process::operate`]
    fn operate(
        &self,
        instance: Instance<Value>,
        verb: &Verb,
        now: Timestamp,
    ) -> Result<Step<Value>, OperateError>;
}

/// A process for the table.
pub fn machine(process: impl Process) -> Arc<dyn Machine> {
    Arc::new(Erased(process))
}

struct Erased<P>(P);

impl<P: Process> Machine for Erased<P> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn version(&self) -> u32 {
        self.0.version()
    }

    fn listens(&self) -> Vec<(&'static Domain, KnownType)> {
        self.0.listens()
    }

    fn outline(&self) -> Vec<StepOutline> {
        self.0.outline()
    }

    fn route(&self, event: &Event) -> Option<Route> {
        self.0.route(event)
    }

    fn start(&self, key: &str, event: &Event, now: Timestamp) -> Result<Step<Value>, ProcessError> {
        written(self.0.start(key, event, now)?)
    }

    fn on(
        &self,
        instance: Instance<Value>,
        input: Input<'_>,
        now: Timestamp,
    ) -> Result<Option<Step<Value>>, ProcessError> {
        let step = self.0.on(read(instance)?, input, now)?;
        step.map(written).transpose()
    }

    fn operate(
        &self,
        instance: Instance<Value>,
        verb: &Verb,
        now: Timestamp,
    ) -> Result<Step<Value>, OperateError> {
        let step = self.0.operate(read(instance)?, verb, now)?;
        Ok(written(step)?)
    }
}

fn read<S: serde::de::DeserializeOwned>(
    mut instance: Instance<Value>,
) -> Result<Instance<S>, ProcessError> {
    let state = serde_json::from_value(instance.state.take())?;
    Ok(instance.with_state(state))
}

fn written<S: serde::Serialize>(step: Step<S>) -> Result<Step<Value>, ProcessError> {
    let state = serde_json::to_value(&step.instance.state)?;
    Ok(Step {
        instance: step.instance.with_state(state),
        emit: step.emit,
        writes: step.writes,
        wake: step.wake,
    })
}
