//! How an order is seen through: by a process that asks, or by participants that react.

use std::str::FromStr;

use fanout_contracts::order::CHOREOGRAPHED;
use fanout_events::StepRef;

use crate::PROCESS;
use crate::choreographed_order::RESERVE;

/// How orders are seen through. Each stays with the flow that it began in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OrderFlow {
    /// A process asks for each step, and for its undo.
    #[default]
    Orchestrated,
    /// Participants react to each other's facts; the process keeps time, and knows what became of it.
    Choreographed,
}

/// No flow that there is.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("must be orchestrated or choreographed")]
pub struct UnknownFlow;

impl FromStr for OrderFlow {
    type Err = UnknownFlow;

    fn from_str(text: &str) -> Result<Self, UnknownFlow> {
        match text {
            "orchestrated" => Ok(Self::Orchestrated),
            "choreographed" => Ok(Self::Choreographed),
            _ => Err(UnknownFlow),
        }
    }
}

impl OrderFlow {
    /// The setting's name.
    pub const SETTING: &'static str = "ORDER_FLOW";

    /// Its name in the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orchestrated => "orchestrated",
            Self::Choreographed => "choreographed",
        }
    }

    /// The process that sees it through.
    pub(crate) fn process(self) -> &'static str {
        match self {
            Self::Orchestrated => PROCESS,
            Self::Choreographed => CHOREOGRAPHED,
        }
    }

    /// What the fact of a new order asks its first participant for.
    pub(crate) fn first_step(self, order_id: &str) -> Option<StepRef> {
        match self {
            Self::Orchestrated => None,
            Self::Choreographed => Some(StepRef {
                process: CHOREOGRAPHED.to_owned(),
                key: order_id.to_owned(),
                name: RESERVE.to_owned(),
                attempt: 1,
            }),
        }
    }
}
