//! What a process is: a pure state machine over events.

use fanout_events::{DecodeError, Domain, Event, KnownType};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_runtime::Timestamp;
use fanout_store::Write;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::instance::Instance;

/// A process. Pure: no I/O, no clock, no chance; it is called again after a conflict, and what it
/// says is one commit: the next state, the events, the writes, the time to wake at.
pub trait Process: Send + Sync + 'static {
    /// What it knows beside its steps. No personal data.
    type State: Serialize + DeserializeOwned + Send + Sync;

    /// Its name: part of its instances' documents and of its events' ids.
    fn name(&self) -> &'static str;

    /// The version of its state. Instances stay with theirs: the table keeps every version that has
    /// open instances.
    fn version(&self) -> u32;

    /// The types of events that it reacts to, each with its domain.
    fn listens(&self) -> Vec<(&'static Domain, KnownType)>;

    /// Its steps, in order, if it has such.
    fn outline(&self) -> Vec<StepOutline> {
        Vec::new()
    }

    /// The instance that an event belongs to, if it is about this process.
    fn route(&self, event: &Event) -> Option<Route>;

    /// Begins an instance.
    fn start(
        &self,
        key: &str,
        event: &Event,
        now: Timestamp,
    ) -> Result<Step<Self::State>, ProcessError>;

    /// What an event or a deadline changes; `None`: nothing.
    fn on(
        &self,
        instance: Instance<Self::State>,
        input: Input<'_>,
        now: Timestamp,
    ) -> Result<Option<Step<Self::State>>, ProcessError>;

    /// What an operator's word changes.
    fn operate(
        &self,
        instance: Instance<Self::State>,
        verb: &Verb,
        now: Timestamp,
    ) -> Result<Step<Self::State>, OperateError>;
}

/// A step as it is defined. Types of events go by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepOutline {
    /// Its name.
    pub name: &'static str,
    /// Steps of one stage are asked for, and undone, at the same time.
    pub stage: usize,
    /// What its failure means for the whole.
    pub kind: Kind,
    /// What asks for it.
    pub asked_by: &'static str,
    /// What says that it is done.
    pub done_by: Option<&'static str>,
    /// What says that it will not be.
    pub refused_by: Option<&'static str>,
    /// What asks for its undo.
    pub undo_by: Option<&'static str>,
    /// What says that it is undone.
    pub undone_by: Option<&'static str>,
}

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

/// Where an event belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The instance's business key.
    pub key: String,
    /// Whether it begins one that is not there.
    pub starts: bool,
}

/// What happens to an instance.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// An event that was routed to it.
    Event(&'a Event),
    /// Its time to wake has come. The state decides what that means, not the clock.
    Due,
}

/// What an operator, or the user, may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Ask again for what is not answered.
    Retry,
    /// Take a step, or its undo, as done by hand.
    Skip {
        /// The step.
        step: String,
    },
    /// Turn around and undo, before the pivot.
    Compensate {
        /// Why: a slug.
        reason: &'static str,
    },
    /// Give it up as it is.
    Abandon {
        /// Why, in the operator's words.
        reason: String,
    },
}

/// An event that a step emits.
#[derive(Debug, Clone)]
pub enum Emit {
    /// A request of the process: the engine makes the process its subject.
    Request(Draft),
    /// A fact about a subject of the process's own service.
    Fact(Draft),
}

/// What an input changes, all of it in one commit.
#[derive(Debug, Clone)]
#[must_use]
pub struct Step<S> {
    /// The next state.
    pub instance: Instance<S>,
    /// Events.
    pub emit: Vec<Emit>,
    /// Changes of documents of the process's own service that nothing else changes.
    pub writes: Vec<Write>,
    /// When to wake it. An instance that is under way must have one, or it could be forgotten.
    pub wake: Option<Timestamp>,
}

/// A fault of the program: it waits for a repair.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The stored state is none of this process.
    #[error("the process's state cannot be read")]
    State(#[from] serde_json::Error),
    /// What began it cannot be read any more.
    #[error("what began the process cannot be read")]
    Begun(#[from] DecodeError),
    /// An event cannot be written.
    #[error(transparent)]
    Unwritable(#[from] UnwritableEvent),
}

/// Why an operator's word changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// It has ended.
    #[error("the process has ended")]
    Ended,
    /// It is being undone already.
    #[error("the process is being undone already")]
    Turned,
    /// Its pivot was asked for: it goes forward only.
    #[error("the process is past the step after which it goes forward only")]
    PastPivot,
    /// It does not wait for such a step.
    #[error("the process does not wait for a step of this name")]
    NotAwaited,
    /// A fault of the program.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl Verb {
    /// The name in paths and events.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Skip { .. } => "skip",
            Self::Compensate { .. } => "compensate",
            Self::Abandon { .. } => "abandon",
        }
    }
}
