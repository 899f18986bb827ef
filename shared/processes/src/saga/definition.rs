//! What a saga's author says of a step.

use std::time::Duration;

use fanout_events::{Domain, KnownType, StepRef};
use fanout_outbox::{Draft, UnwritableEvent};

use crate::instance::StepRecord;

/// What a failure of a step means for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What came before is undone.
    Compensatable,
    /// The same if it is refused; once it was asked for, and after it, the saga goes forward only.
    Pivot,
    /// Nothing: the saga goes on without it.
    Retriable,
}

/// What an answer says of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// It will not be done, and has not been.
    Refused,
    /// It is undone.
    Undone,
}

/// What a request is made of.
pub struct Asking<'a, O> {
    /// What began the saga.
    pub of: &'a O,
    /// The step that is asked for: goes into the request's data, and comes back in the answer's.
    pub step: StepRef,
    pub(super) records: &'a [StepRecord],
}

impl<O> Asking<'_, O> {
    /// A text that the answer to an earlier step said.
    pub fn output(&self, step: &str, field: &str) -> Option<&str> {
        let record = self.records.iter().find(|record| record.step == step)?;
        record.output.get(field)?.as_str()
    }
}

pub(super) type Ask<O> = Box<dyn Fn(Asking<'_, O>) -> Result<Draft, UnwritableEvent> + Send + Sync>;

/// A step.
pub(super) struct StepDef<O> {
    pub(super) name: &'static str,
    /// Steps of one stage are asked for, and undone, at the same time.
    pub(super) stage: usize,
    pub(super) kind: Kind,
    pub(super) ask: Ask<O>,
    pub(super) undo: Option<Ask<O>>,
    pub(super) answers: Vec<(Answer, &'static Domain, KnownType)>,
    /// How long an answer may take.
    pub(super) within: Duration,
    /// How often it is asked for.
    pub(super) attempts: u64,
}

impl<O> StepDef<O> {
    /// What an event of this type says of the step.
    pub(super) fn answer(&self, event_type: &str) -> Option<Answer> {
        let mut answers = self.answers.iter();
        let found = answers.find(|(_, _, known)| known.name == event_type);
        found.map(|(answer, ..)| *answer)
    }
}
