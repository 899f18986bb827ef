//! What a saga asks for next.

use fanout_events::EventType;

use super::definition::StepDef;
use super::run::{Direction, Run};
use crate::instance::{Failed, Status, StepStatus};
use crate::process::{Emit, Kind, ProcessError};

impl<O: EventType> Run<'_, O> {
    /// Asks for what comes next, forward or back; or ends.
    pub(super) fn go_on(&mut self) -> Result<(), ProcessError> {
        match self.instance.state.turned.clone() {
            Some(why) => self.undo_next(&why),
            None => self.ask_next(),
        }
    }

    fn stages(&self) -> usize {
        self.saga.steps.last().map_or(0, |last| last.stage + 1)
    }

    fn ask_next(&mut self) -> Result<(), ProcessError> {
        let saga = self.saga;
        self.instance.failure = None;
        self.instance.status = Status::Running;
        for stage in 0..self.stages() {
            let mut waits = false;
            for definition in saga.steps.iter().filter(|it| it.stage == stage) {
                let record = self.instance.step(definition.name).cloned();
                match record.as_ref().map(|record| record.status) {
                    None => {
                        self.ask(definition, Direction::Do, 1)?;
                        waits = true;
                    }
                    Some(StepStatus::Requested) => waits = true,
                    Some(StepStatus::Done) => {}
                    Some(StepStatus::Refused | StepStatus::Unknown)
                        if definition.kind == Kind::Retriable => {}
                    // Past the pivot there is no way back.
                    Some(_) => {
                        let reason = record.and_then(|record| record.reason);
                        self.stuck(definition.name, reason);
                        waits = true;
                    }
                }
            }
            if waits {
                return Ok(());
            }
        }
        self.instance.status = Status::Completed;
        let fact = (saga.completed)(&self.of, &())?;
        self.emit.push(Emit::Fact(fact));
        Ok(())
    }

    /// Undoes whatever was asked for and not provably refused, the last stage first.
    fn undo_next(&mut self, why: &Failed) -> Result<(), ProcessError> {
        let saga = self.saga;
        self.instance.failure = Some(why.clone());
        self.instance.status = Status::Compensating;
        for stage in (0..self.stages()).rev() {
            let mut waits = false;
            for definition in saga.steps.iter().filter(|it| it.stage == stage) {
                let status = self.instance.step(definition.name).map(|it| it.status);
                match status {
                    Some(StepStatus::Requested | StepStatus::Done | StepStatus::Unknown) => {
                        waits |= self.undo(definition)?;
                    }
                    Some(StepStatus::Undoing) => waits = true,
                    Some(StepStatus::UndoFailed) => {
                        self.stuck(definition.name, Some("undo_failed".to_owned()));
                        waits = true;
                    }
                    None | Some(StepStatus::Refused | StepStatus::Undone) => {}
                }
            }
            if waits {
                return Ok(());
            }
        }
        self.instance.status = Status::Compensated;
        let fact = (saga.compensated)(&self.of, why)?;
        self.emit.push(Emit::Fact(fact));
        Ok(())
    }

    /// Asks for a step's undo; false if it has none.
    fn undo(&mut self, definition: &StepDef<O>) -> Result<bool, ProcessError> {
        if definition.undo.is_none() {
            if self.instance.stands(definition.name, StepStatus::Requested) {
                self.settle(definition.name, StepStatus::Unknown, None);
            }
            return Ok(false);
        }
        self.ask(definition, Direction::Undo, 1)?;
        Ok(true)
    }

    fn stuck(&mut self, step: &str, reason: Option<String>) {
        self.instance.status = Status::Stuck;
        self.instance.failure = Some(Failed {
            step: Some(step.to_owned()),
            reason: reason.unwrap_or_else(|| "failed".to_owned()),
            detail: None,
        });
    }
}
