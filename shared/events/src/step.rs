//! Which step of which process a request is made for: what its answer names again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Event, EventType, JsonFields, WrongField};

/// The reason of a refusal where the undo came first.
pub const CANCELLED: &str = "cancelled";

/// A step of one instance of a process, asked for once or again. All texts are identifiers.
///
/// What is asked for has one effect for a process, key and name, however often it is asked: the
/// attempt only tells one question from the next.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct StepRef {
    /// The process's name, such as `order`.
    pub process: String,
    /// The instance: the business key, such as an order's id.
    pub key: String,
    /// The step's name within the process, such as `reserve`.
    pub name: String,
    /// From 1; an undo counts its own.
    #[schemars(range(min = 1))]
    pub attempt: u64,
}

/// A request for a step, or an answer to one: a type of event whose data names the step.
pub trait OfStep: EventType {
    /// The step.
    fn step(&self) -> &StepRef;
}

impl StepRef {
    /// The step that an event names; `None` for most events, which name none.
    pub fn named_by(event: &Event) -> Option<Self> {
        let data = JsonFields::new("data.", &event.data.0);
        // Asked first: an error about what is seldom there costs more than the answer.
        data.get("step")?;
        Self::read(&data).ok()
    }

    /// Reads the data's `step`.
    pub fn read(data: &JsonFields<'_>) -> Result<Self, WrongField> {
        let step = JsonFields::new("data.step.", data.object("step")?);
        Ok(Self {
            process: step.identifier("process")?.to_owned(),
            key: step.identifier("key")?.to_owned(),
            name: step.identifier("name")?.to_owned(),
            attempt: step.count("attempt")?,
        })
    }
}
