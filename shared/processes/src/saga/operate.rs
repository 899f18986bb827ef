//! What an operator's word does to a saga.

use fanout_events::EventType;

use super::run::{Direction, Run};
use crate::instance::{Failed, Status, StepStatus};
use crate::process::{OperateError, ProcessError, Verb};

impl<O: EventType> Run<'_, O> {
    pub(super) fn operate(&mut self, verb: &Verb) -> Result<(), OperateError> {
        match verb {
            Verb::Retry => self.retry()?,
            Verb::Skip { step } => self.skip(step)?,
            Verb::Compensate { reason } => {
                if self.instance.state.turned.is_some() {
                    return Err(OperateError::Turned);
                }
                if self.is_past_pivot() {
                    return Err(OperateError::PastPivot);
                }
                self.turn(Failed {
                    step: None,
                    reason: (*reason).to_owned(),
                    detail: None,
                });
                self.go_on()?;
            }
            Verb::Abandon { reason } => {
                self.instance.status = Status::Abandoned;
                self.instance.failure = Some(Failed {
                    step: None,
                    reason: "abandoned".to_owned(),
                    detail: Some(reason.clone()),
                });
            }
        }
        Ok(())
    }

    /// Asks again for all that is not answered, from the first attempt on.
    fn retry(&mut self) -> Result<(), ProcessError> {
        let turned = self.instance.state.turned.is_some();
        let saga = self.saga;
        for definition in &saga.steps {
            let Some(status) = self.instance.step(definition.name).map(|it| it.status) else {
                continue;
            };
            let direction = match status {
                StepStatus::Undoing | StepStatus::UndoFailed => Direction::Undo,
                StepStatus::Requested | StepStatus::Unknown | StepStatus::Refused if !turned => {
                    Direction::Do
                }
                StepStatus::Requested
                | StepStatus::Unknown
                | StepStatus::Refused
                | StepStatus::Done
                | StepStatus::Undone => continue,
            };
            self.ask(definition, direction, 1)?;
        }
        self.go_on()
    }

    /// Takes a step, or its undo, as done by hand.
    fn skip(&mut self, step: &str) -> Result<(), OperateError> {
        let turned = self.instance.state.turned.is_some();
        let status = self.instance.step(step).map(|record| record.status);
        let next = match status.ok_or(OperateError::NotAwaited)? {
            StepStatus::Undoing | StepStatus::UndoFailed => StepStatus::Undone,
            StepStatus::Requested | StepStatus::Unknown | StepStatus::Refused if !turned => {
                StepStatus::Done
            }
            StepStatus::Requested
            | StepStatus::Unknown
            | StepStatus::Refused
            | StepStatus::Done
            | StepStatus::Undone => return Err(OperateError::NotAwaited),
        };
        self.settle(step, next, Some("skipped"));
        Ok(self.go_on()?)
    }
}
