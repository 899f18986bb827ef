//! Deploys amid orders. There is a second version of the order's process, which only newer builds know:
//! it counts its moves, so that it shows when code of another version has moved it.

use std::num::NonZeroU32;
use std::sync::Arc;

use fanout_events::{Domain, Event, KnownType};
use fanout_processes::{
    Input, Instance, Machine, OperateError, Owned, Pace, ProcessError, Processes, Route, Step,
    StepOutline, Verb,
};
use fanout_runtime::Timestamp;
use serde_json::Value;

use crate::crash_simulation::broken::Broken;

/// How much sooner deadlines of steps come: a call that is late by a minute and more misses one.
const SOONER: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// Where the second version keeps how often it was moved.
pub(super) const MOVES: &str = "moves";

/// What a process is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// Knows the first version.
    First,
    /// Knows both, and begins new orders with the second.
    Both,
}

/// The processes as a build has them.
pub(crate) fn processes(build: Build, broken: Option<Broken>) -> Processes {
    let pace = Pace::divided_by(SOONER);
    let table = system::processes(pace, |spec| spec.name == order_service::NAME);
    let versions = table.all().flat_map(|owned| {
        let first = Arc::clone(&owned.machine);
        let second: Arc<dyn Machine> = Arc::new(SecondVersion(Arc::clone(&first)));
        let known = match build {
            Build::First => vec![first],
            Build::Both => vec![first, second],
        };
        known.into_iter().map(|machine| Owned {
            service: owned.service,
            machine: Broken::machine(broken, machine),
        })
    });
    Processes::of(versions.collect())
}

/// Goes as the first version goes.
struct SecondVersion(Arc<dyn Machine>);

/// Takes the count from the state; what has none is no instance of this version.
fn taken(mut instance: Instance<Value>) -> Result<(Instance<Value>, u64), ProcessError> {
    let state = instance.state.as_object_mut();
    let moves = state.and_then(|state| state.remove(MOVES));
    let moves = serde_json::from_value(moves.unwrap_or_default())?;
    Ok((instance, moves))
}

fn counted(mut step: Step<Value>, moves: u64) -> Step<Value> {
    step.instance.state[MOVES] = moves.into();
    step
}

impl Machine for SecondVersion {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn version(&self) -> u32 {
        2
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
        Ok(counted(self.0.start(key, event, now)?, 1))
    }

    fn on(
        &self,
        instance: Instance<Value>,
        input: Input<'_>,
        now: Timestamp,
    ) -> Result<Option<Step<Value>>, ProcessError> {
        let (instance, moves) = taken(instance)?;
        let step = self.0.on(instance, input, now)?;
        Ok(step.map(|step| counted(step, moves + 1)))
    }

    fn operate(
        &self,
        instance: Instance<Value>,
        verb: &Verb,
        now: Timestamp,
    ) -> Result<Step<Value>, OperateError> {
        let (instance, moves) = taken(instance)?;
        let step = self.0.operate(instance, verb, now)?;
        Ok(counted(step, moves + 1))
    }
}
