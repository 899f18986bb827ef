//! What a saga's author says of a step.

use std::time::Duration;

use fanout_events::{Domain, KnownType, StepRef};
use fanout_outbox::{Draft, UnwritableEvent};

use crate::instance::StepRecord;
use crate::process::{Kind, StepOutline};

/// What an answer says of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// It will not be done, and has not been.
    Refused,
    /// It is undone.
    Undone,
    /// It is being done, and has come further.
    Progressed,
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
    pub(super) asked_by: &'static str,
    pub(super) undo: Option<Ask<O>>,
    pub(super) undo_by: Option<&'static str>,
    pub(super) answers: Vec<(Answer, &'static Domain, KnownType)>,
    /// How long an answer may take.
    pub(super) within: Duration,
    /// How often it is asked for.
    pub(super) attempts: u64,
}

impl<O> StepDef<O> {
    pub(super) fn outline(&self) -> StepOutline {
        let by = |wanted| {
            let mut answers = self.answers.iter();
            let found = answers.find(|(answer, ..)| *answer == wanted);
            found.map(|(_, _, known)| known.name)
        };
        StepOutline {
            name: self.name,
            stage: self.stage,
            kind: self.kind,
            asked_by: self.asked_by,
            done_by: by(Answer::Done),
            refused_by: by(Answer::Refused),
            undo_by: self.undo_by,
            undone_by: by(Answer::Undone),
        }
    }

    /// What an event of this type says of the step.
    pub(super) fn answer(&self, event_type: &str) -> Option<Answer> {
        let mut answers = self.answers.iter();
        let found = answers.find(|(_, _, known)| known.name == event_type);
        found.map(|(answer, ..)| *answer)
    }
}
