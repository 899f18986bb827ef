//! One input on its way through a saga.

use fanout_events::{Event, EventType, StepRef};
use fanout_outbox::UnwritableEvent;
use fanout_runtime::Timestamp;

use super::definition::{Answer, Asking, StepDef};
use super::{Saga, SagaState};
use crate::instance::{Failed, Instance, Status, StepRecord, StepStatus};
use crate::pace::{PERSISTENT_ATTEMPTS, backoff};
use crate::process::{Emit, Kind, ProcessError, Step};

/// Why a step is given up that nothing answers.
const TIMED_OUT: &str = "timed_out";

/// An instance while an input changes it.
pub(super) struct Run<'a, O> {
    pub(super) saga: &'a Saga<O>,
    pub(super) of: O,
    pub(super) instance: Instance<SagaState>,
    pub(super) emit: Vec<Emit>,
    pub(super) now: Timestamp,
}

/// What is asked of a participant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Do,
    Undo,
}

impl<O: EventType> Run<'_, O> {
    /// Takes an answer; false if it changes nothing: it came before, or too late.
    pub(super) fn answered(&mut self, event: &Event) -> Result<bool, ProcessError> {
        let Some(step) = StepRef::named_by(event) else {
            return Ok(false);
        };
        let mut steps = self.saga.steps.iter();
        let Some(definition) = steps.find(|definition| definition.name == step.name) else {
            return Ok(false);
        };
        let status = self.instance.step(definition.name).map(|it| it.status);
        let (Some(answer), Some(status)) = (definition.answer(&event.event_type), status) else {
            return Ok(false);
        };
        let (next, reason) = match (answer, status) {
            (Answer::Done, StepStatus::Requested | StepStatus::Unknown) => (StepStatus::Done, None),
            (Answer::Refused, StepStatus::Requested | StepStatus::Unknown) => {
                let reason = event.data.0.get("reason").and_then(|it| it.as_str());
                (StepStatus::Refused, Some(reason.unwrap_or("refused")))
            }
            (Answer::Undone, StepStatus::Undoing | StepStatus::UndoFailed) => {
                (StepStatus::Undone, None)
            }
            (Answer::Progressed, StepStatus::Requested) => {
                self.prolong(definition);
                return Ok(true);
            }
            // It was answered before, or its undo is on the way: that one's answer counts.
            (Answer::Done | Answer::Refused | Answer::Undone | Answer::Progressed, _) => {
                return Ok(false);
            }
        };
        let mut output = event.data.0.clone();
        output.remove("step");
        self.settle(definition.name, next, reason);
        if let Some(record) = self
            .record(definition.name)
            .filter(|_| next == StepStatus::Done)
        {
            record.output = output;
        }
        if next == StepStatus::Refused {
            self.failed(definition, reason.unwrap_or_default());
        }
        self.go_on()?;
        Ok(true)
    }

    /// Asks again for what is not answered in time, or gives it up.
    pub(super) fn due(&mut self) -> Result<bool, ProcessError> {
        let now = self.now;
        let due = self.instance.steps.iter();
        let due = due.filter(|record| record.due_at.is_some_and(|due| due <= now));
        let due: Vec<(String, StepStatus, u64)> = due
            .map(|record| (record.step.clone(), record.status, record.attempt))
            .collect();
        for (name, status, attempt) in &due {
            let mut steps = self.saga.steps.iter();
            let Some(definition) = steps.find(|definition| definition.name == *name) else {
                continue;
            };
            let direction = match status {
                StepStatus::Undoing => Direction::Undo,
                _ => Direction::Do,
            };
            // An earlier one may have turned it around.
            if self.instance.step(name).map(|it| it.status) != Some(*status) {
                continue;
            }
            if *attempt < self.attempts(definition, direction) {
                self.ask(definition, direction, attempt + 1)?;
            } else if direction == Direction::Undo {
                self.settle(definition.name, StepStatus::UndoFailed, Some(TIMED_OUT));
            } else {
                self.settle(definition.name, StepStatus::Unknown, Some(TIMED_OUT));
                self.failed(definition, TIMED_OUT);
            }
        }
        if !due.is_empty() {
            self.go_on()?;
        }
        Ok(!due.is_empty())
    }

    /// A step that is being done may take as long again.
    fn prolong(&mut self, definition: &StepDef<O>) {
        let due_at = self.saga.pace.after(self.now, definition.within);
        if let Some(record) = self.record(definition.name) {
            record.due_at = Some(due_at);
        }
    }

    /// A step was refused or given up: turns around, unless the saga goes on without it, or goes
    /// forward only.
    fn failed(&mut self, definition: &StepDef<O>, reason: &str) {
        if definition.kind != Kind::Retriable && !self.is_past_pivot() {
            self.turn(Failed {
                step: Some(definition.name.to_owned()),
                reason: reason.to_owned(),
                detail: None,
            });
        }
    }

    pub(super) fn turn(&mut self, why: Failed) {
        if self.instance.state.turned.is_none() {
            self.instance.state.turned = Some(why);
        }
    }

    /// Whether a pivot may have been done.
    pub(super) fn is_past_pivot(&self) -> bool {
        let mut steps = self.saga.steps.iter();
        steps.any(|definition| {
            let record = self.instance.step(definition.name);
            definition.kind == Kind::Pivot
                && record.is_some_and(|it| it.status != StepStatus::Refused)
        })
    }

    /// Asks for a step or for its undo, and notes when an answer is due.
    pub(super) fn ask(
        &mut self,
        definition: &StepDef<O>,
        direction: Direction,
        attempt: u64,
    ) -> Result<(), UnwritableEvent> {
        let (ask, status) = match (direction, &definition.undo) {
            (Direction::Do, _) => (&definition.ask, StepStatus::Requested),
            (Direction::Undo, Some(undo)) => (undo, StepStatus::Undoing),
            (Direction::Undo, None) => return Ok(()),
        };
        let step = StepRef {
            process: self.saga.name.to_owned(),
            key: self.instance.key.clone(),
            name: definition.name.to_owned(),
            attempt,
        };
        let request = ask(Asking {
            of: &self.of,
            step,
            records: &self.instance.steps,
        })?;
        self.emit.push(Emit::Request(request));
        let wait = match direction {
            Direction::Do if attempt <= definition.attempts => definition.within,
            Direction::Do => backoff(attempt - definition.attempts),
            Direction::Undo => backoff(attempt),
        };
        let (due_at, at) = (self.saga.pace.after(self.now, wait), self.now);
        match self.record(definition.name) {
            Some(record) => {
                record.at = if record.status == status {
                    record.at
                } else {
                    at
                };
                record.status = status;
                record.attempt = attempt;
                record.due_at = Some(due_at);
                record.reason = None;
            }
            None => self.instance.steps.push(StepRecord {
                step: definition.name.to_owned(),
                status,
                attempt,
                at,
                due_at: Some(due_at),
                reason: None,
                output: serde_json::Map::new(),
            }),
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, name: &str, status: StepStatus, reason: Option<&str>) {
        let now = self.now;
        if let Some(record) = self.record(name) {
            record.status = status;
            record.at = now;
            record.due_at = None;
            record.reason = reason.map(str::to_owned);
        }
    }

    fn record(&mut self, name: &str) -> Option<&mut StepRecord> {
        let mut records = self.instance.steps.iter_mut();
        records.find(|record| record.step == name)
    }

    /// How often it is asked for.
    fn attempts(&self, definition: &StepDef<O>, direction: Direction) -> u64 {
        let forward_only = definition.kind != Kind::Retriable && self.is_past_pivot();
        match direction {
            Direction::Undo => PERSISTENT_ATTEMPTS,
            Direction::Do if forward_only => definition.attempts + PERSISTENT_ATTEMPTS,
            Direction::Do => definition.attempts,
        }
    }

    /// What has become of the instance.
    pub(super) fn step(self) -> Step<SagaState> {
        let Self {
            saga,
            of,
            instance,
            emit,
            now,
        } = self;
        let waits = instance.steps.iter().filter_map(|record| record.due_at);
        let under_way = instance.status.is_under_way();
        let shown = instance.clone().with_state(());
        let writes = saga.mirror.as_ref().map(|mirror| mirror(&of, &shown, now));
        Step {
            wake: waits.min().filter(|_| under_way),
            instance,
            emit,
            writes: writes.unwrap_or_default(),
        }
    }
}

impl Instance<SagaState> {
    pub(super) fn begun(key: &str, state: SagaState) -> Self {
        Self {
            key: key.to_owned(),
            status: Status::Running,
            state,
            steps: Vec::new(),
            failure: None,
        }
    }
}
