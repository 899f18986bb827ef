//! How a saga is written down. What a step cannot be without, the compiler asks for.

use std::marker::PhantomData;
use std::time::Duration;

use fanout_events::{EventType, KnownType, OfStep};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_runtime::Timestamp;
use fanout_store::Write;

use super::definition::{Answer, Asking, StepDef};
use super::{Ended, Saga};
use crate::instance::{Failed, Instance};
use crate::pace::Pace;
use crate::process::Kind;

/// How long an answer may take, unless it is said otherwise.
const WITHIN: Duration = Duration::from_secs(2 * 60);
/// How often a step is asked for, unless it is said otherwise.
const ATTEMPTS: u64 = 3;

/// A saga's steps so far. What is said of a step is said of the last one.
pub struct Steps<O> {
    name: &'static str,
    version: u32,
    pace: Pace,
    steps: Vec<StepDef<O>>,
    last: StepDef<O>,
}

/// A step of which it is still to be said what answers it.
pub struct Asked<O>(Steps<O>);

/// An undo of which it is still to be said what answers it.
pub struct Undo<O>(Steps<O>);

/// A saga without a step.
pub struct Named<O> {
    name: &'static str,
    version: u32,
    pace: Pace,
    begun_by: PhantomData<fn() -> O>,
}

impl<O: EventType> Saga<O> {
    /// Begins to say how a saga goes. A change of its steps is a new version, and the old one stays
    /// in the table as long as it has open instances.
    pub fn named(name: &'static str, version: u32, pace: Pace) -> Named<O> {
        Named {
            name,
            version,
            pace,
            begun_by: PhantomData,
        }
    }

    /// The same, keeping documents of its own service in step with it: what this says of an
    /// instance is written in the commit that changes it. Nothing else may write those fields.
    pub fn mirrored(
        self,
        mirror: impl Fn(&O, &Instance<()>, Timestamp) -> Vec<Write> + Send + Sync + 'static,
    ) -> Self {
        Self {
            mirror: Some(Box::new(mirror)),
            ..self
        }
    }
}

impl<O: EventType> Named<O> {
    /// The first step.
    pub fn step<T: OfStep>(
        self,
        name: &'static str,
        ask: impl Fn(Asking<'_, O>) -> T + Send + Sync + 'static,
    ) -> Asked<O> {
        Asked(Steps {
            name: self.name,
            version: self.version,
            pace: self.pace,
            steps: Vec::new(),
            last: StepDef::new(name, 0, ask),
        })
    }
}

impl<O: EventType> Asked<O> {
    /// The answer that says that it is done.
    pub fn done_by<E: OfStep>(self) -> Steps<O> {
        self.0.answered_by::<E>(Answer::Done)
    }
}

impl<O: EventType> Undo<O> {
    /// The answer that says that it is undone.
    pub fn undone_by<E: OfStep>(self) -> Steps<O> {
        self.0.answered_by::<E>(Answer::Undone)
    }
}

impl<O: EventType> Steps<O> {
    /// The next step, once this one is done.
    pub fn step<T: OfStep>(
        self,
        name: &'static str,
        ask: impl Fn(Asking<'_, O>) -> T + Send + Sync + 'static,
    ) -> Asked<O> {
        let stage = self.last.stage + 1;
        self.then(StepDef::new(name, stage, ask))
    }

    /// A step that is asked for, and undone, together with this one.
    pub fn beside<T: OfStep>(
        self,
        name: &'static str,
        ask: impl Fn(Asking<'_, O>) -> T + Send + Sync + 'static,
    ) -> Asked<O> {
        let stage = self.last.stage;
        self.then(StepDef::new(name, stage, ask))
    }

    /// The answer that says that it will not be done, and has not been.
    pub fn refused_by<E: OfStep>(self) -> Self {
        self.answered_by::<E>(Answer::Refused)
    }

    /// What says that it is being done and has come further: from then on it may take as long again.
    /// For steps of which each part has its time, and the whole has none.
    pub fn progressed_by<E: OfStep>(self) -> Self {
        self.answered_by::<E>(Answer::Progressed)
    }

    /// How it is undone.
    pub fn undo<T: OfStep>(
        mut self,
        ask: impl Fn(Asking<'_, O>) -> T + Send + Sync + 'static,
    ) -> Undo<O> {
        self.last.undo = Some(Box::new(move |asking| Draft::request(&ask(asking))));
        self.last.undo_by = Some(T::TYPE);
        Undo(self)
    }

    /// How long an answer may take; by default 2 minutes.
    pub fn within(mut self, limit: Duration) -> Self {
        self.last.within = limit;
        self
    }

    /// How often it is asked for before it counts as failed; by default 3 times.
    pub fn attempts(mut self, attempts: u64) -> Self {
        self.last.attempts = attempts;
        self
    }

    /// Once it was asked for and not refused, the saga goes forward only.
    pub fn pivot(mut self) -> Self {
        self.last.kind = Kind::Pivot;
        self
    }

    /// The saga goes on without it, if it must.
    pub fn retriable(mut self) -> Self {
        self.last.kind = Kind::Retriable;
        self
    }

    /// The facts with which it ends.
    pub fn ended(
        mut self,
        completed: impl Fn(&O) -> Result<Draft, UnwritableEvent> + Send + Sync + 'static,
        compensated: impl Fn(&O, &Failed) -> Result<Draft, UnwritableEvent> + Send + Sync + 'static,
    ) -> Saga<O> {
        self.steps.push(self.last);
        let completed: Ended<O, ()> = Box::new(move |of, ()| completed(of));
        Saga {
            name: self.name,
            version: self.version,
            pace: self.pace,
            steps: self.steps,
            completed,
            compensated: Box::new(compensated),
            mirror: None,
            begun_by: PhantomData,
        }
    }

    fn then(mut self, next: StepDef<O>) -> Asked<O> {
        self.steps.push(std::mem::replace(&mut self.last, next));
        Asked(self)
    }

    fn answered_by<E: OfStep>(mut self, answer: Answer) -> Self {
        let answer = (answer, E::DOMAIN, KnownType::of::<E>());
        self.last.answers.push(answer);
        self
    }
}

impl<O: EventType> StepDef<O> {
    fn new<T: OfStep>(
        name: &'static str,
        stage: usize,
        ask: impl Fn(Asking<'_, O>) -> T + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            stage,
            kind: Kind::Compensatable,
            ask: Box::new(move |asking| Draft::request(&ask(asking))),
            asked_by: T::TYPE,
            undo: None,
            undo_by: None,
            answers: Vec::new(),
            within: WITHIN,
            attempts: ATTEMPTS,
        }
    }
}
