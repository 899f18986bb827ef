//! A process that takes silence and refusal for one another, or leaves undone what it should not.

use std::sync::Arc;

use fanout_events::{Domain, Event, KnownType};
use fanout_processes::{
    Input, Instance, Machine, OperateError, ProcessError, Route, Step, StepOutline, StepStatus,
    Verb,
};
use fanout_runtime::Timestamp;
use serde_json::Value;

use super::Broken;

/// More often than anything is asked for.
const OFTEN: u64 = 1000;

pub(super) struct BrokenMachine {
    pub(super) broken: Broken,
    pub(super) machine: Arc<dyn Machine>,
}

impl BrokenMachine {
    /// The step that an event refuses to do.
    fn refused_by(&self, event: &Event) -> Option<&'static str> {
        let name = event.data.0.get("step")?.get("name")?.as_str()?;
        let mut outline = self.machine.outline().into_iter();
        let step = outline.find(|step| step.name == name)?;
        (step.refused_by == Some(event.event_type.as_str())).then_some(step.name)
    }

    /// Takes each step's undo as done that is asked for now without an answer that the step was done.
    fn without_undo_of_unknown(
        &self,
        before: &Instance<Value>,
        mut step: Step<Value>,
        now: Timestamp,
    ) -> Result<Step<Value>, ProcessError> {
        let is_unknown = |name: &str| {
            let was = before.step(name).map(|it| it.status);
            matches!(was, Some(StepStatus::Requested | StepStatus::Unknown))
        };
        loop {
            let mut steps = step.instance.steps.iter();
            let undoes = steps.find(|it| it.status == StepStatus::Undoing && is_unknown(&it.step));
            let Some(undoes) = undoes.map(|it| it.step.clone()) else {
                return Ok(step);
            };
            let mut emits = step.emit;
            emits.pop();
            let skip = Verb::Skip { step: undoes };
            let mut next = match self.machine.operate(step.instance, &skip, now) {
                Ok(next) => next,
                Err(OperateError::Process(error)) => return Err(error),
                Err(error) => panic!("{error}"),
            };
            emits.append(&mut next.emit);
            next.emit = emits;
            step = next;
        }
    }

    fn on_refusal(
        &self,
        refused: &str,
        mut instance: Instance<Value>,
        event: &Event,
        now: Timestamp,
    ) -> Result<Option<Step<Value>>, ProcessError> {
        let mut steps = instance.steps.iter_mut();
        let record = steps.find(|it| it.step == refused);
        let mut silent = false;
        if let Some(record) = record {
            match (self.broken, record.status) {
                (Broken::AnswerEndsUndo, StepStatus::Undoing) => {
                    record.status = StepStatus::Requested;
                }
                (Broken::RefusalAsSilence, StepStatus::Requested) => {
                    record.attempt = OFTEN;
                    record.due_at = Some(now);
                    silent = true;
                }
                _ => {}
            }
        }
        let input = match silent {
            true => Input::Due,
            false => Input::Event(event),
        };
        self.machine.on(instance, input, now)
    }
}

impl Machine for BrokenMachine {
    fn name(&self) -> &'static str {
        self.machine.name()
    }

    fn version(&self) -> u32 {
        self.machine.version()
    }

    fn listens(&self) -> Vec<(&'static Domain, KnownType)> {
        self.machine.listens()
    }

    fn outline(&self) -> Vec<StepOutline> {
        self.machine.outline()
    }

    fn route(&self, event: &Event) -> Option<Route> {
        self.machine.route(event)
    }

    fn start(&self, key: &str, event: &Event, now: Timestamp) -> Result<Step<Value>, ProcessError> {
        self.machine.start(key, event, now)
    }

    fn on(
        &self,
        instance: Instance<Value>,
        input: Input<'_>,
        now: Timestamp,
    ) -> Result<Option<Step<Value>>, ProcessError> {
        if let Input::Event(event) = input
            && let Some(refused) = self.refused_by(event)
        {
            return self.on_refusal(refused, instance, event, now);
        }
        let silence = matches!(input, Input::Due) && self.broken == Broken::SilenceAsRefusal;
        if !silence && self.broken != Broken::OnlyDoneIsUndone {
            return self.machine.on(instance, input, now);
        }
        let before = instance.clone();
        let step = self.machine.on(instance, input, now)?;
        let step = step.map(|step| self.without_undo_of_unknown(&before, step, now));
        step.transpose()
    }

    fn operate(
        &self,
        instance: Instance<Value>,
        verb: &Verb,
        now: Timestamp,
    ) -> Result<Step<Value>, OperateError> {
        let before = instance.clone();
        let step = self.machine.operate(instance, verb, now)?;
        match self.broken {
            Broken::OnlyDoneIsUndone => Ok(self.without_undo_of_unknown(&before, step, now)?),
            _ => Ok(step),
        }
    }
}
