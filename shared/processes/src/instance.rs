//! One instance of a process: how far it has come.

use fanout_runtime::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It goes forward.
    Running,
    /// It undoes what was done.
    Compensating,
    /// It ended as it was meant to.
    Completed,
    /// It ended, and all that was done for it is undone.
    Compensated,
    /// It waits for an operator.
    Stuck,
    /// An operator gave it up.
    Abandoned,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It was asked for.
    Requested,
    /// It is done.
    Done,
    /// The participant will not do it, and has not.
    Refused,
    /// No answer came; it may have been done.
    Unknown,
    /// Its undo was asked for.
    Undoing,
    /// Whatever was done is undone.
    Undone,
    /// No answer to its undo came.
    UndoFailed,
}

/// What is known of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step's name.
    pub step: String,
    /// How it stands.
    pub status: StepStatus,
    /// How often it was asked for, or its undo.
    pub attempt: u64,
    /// Since when it stands like this.
    pub at: Timestamp,
    /// When it is asked for again, or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Why it was refused or given up: a slug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What its answer said.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub output: Map<String, Value>,
}

/// Why an instance turned around or is stuck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The step that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Why: a slug such as `declined`.
    pub reason: String,
    /// What an operator said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// An instance. `S` is the process's own state.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance<S> {
    /// The business key: one order, one instance.
    pub key: String,
    /// How it stands.
    pub status: Status,
    /// What the process knows beside its steps.
    pub state: S,
    /// Its steps, in the order in which they were asked for first.
    pub steps: Vec<StepRecord>,
    /// Why it turned around or is stuck.
    pub failure: Option<Failed>,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Running,
        Self::Compensating,
        Self::Stuck,
        Self::Completed,
        Self::Compensated,
        Self::Abandoned,
    ];

    /// The name in documents and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::Stuck => "stuck",
            Self::Abandoned => "abandoned",
        }
    }

    /// The status of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether something can still become of it.
    pub fn is_open(self) -> bool {
        match self {
            Self::Running | Self::Compensating | Self::Stuck => true,
            Self::Completed | Self::Compensated | Self::Abandoned => false,
        }
    }

    /// Whether it goes on by itself: it must have a time to wake at.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Running | Self::Compensating)
    }
}

impl StepStatus {
    /// The name in documents and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::UndoFailed => "undo_failed",
        }
    }
}

impl<S> Instance<S> {
    /// The record of a step that was asked for.
    pub fn step(&self, name: &str) -> Option<&StepRecord> {
        self.steps.iter().find(|record| record.step == name)
    }

    /// Whether a step stands like this.
    pub fn stands(&self, name: &str, status: StepStatus) -> bool {
        self.step(name)
            .is_some_and(|record| record.status == status)
    }

    /// The same with another state.
    pub fn with_state<T>(self, state: T) -> Instance<T> {
        let Self {
            key,
            status,
            steps,
            failure,
            ..
        } = self;
        Instance {
            key,
            status,
            state,
            steps,
            failure,
        }
    }
}
