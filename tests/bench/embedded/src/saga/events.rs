//! What is asked of the steps, and answered.

use fanout_events::{
    DecodeError, Domain, EventType, JsonFields, KnownType, OfStep, StepRef, Version,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What the participant is pushed.
pub(super) const REQUESTS: &str = "bench-requests";
/// What the saga is pushed.
pub(super) const ANSWERS: &str = "bench-answers";
/// What no consumer listens to.
pub(super) const FACTS: &str = "bench-facts";

static OF_REQUESTS: Domain = Domain {
    name: "bench_request",
    topic: REQUESTS,
    types: &[KnownType::of::<Asked>(), KnownType::of::<UndoAsked>()],
};

static OF_ANSWERS: Domain = Domain {
    name: "bench_answer",
    topic: ANSWERS,
    types: &[
        KnownType::of::<Done>(),
        KnownType::of::<Refused>(),
        KnownType::of::<Undone>(),
    ],
};

static OF_FACTS: Domain = Domain {
    name: "bench_fact",
    topic: FACTS,
    types: &[KnownType::of::<Begun>(), KnownType::of::<Ended>()],
};

/// A saga begins.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Begun {
    pub(super) saga: String,
    pub(super) refused: bool,
}

/// A saga has ended.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Ended {
    pub(super) saga: String,
}

/// A step is asked for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Asked {
    pub(super) refused: bool,
    pub(super) step: StepRef,
}

/// A step was refused.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Refused {
    pub(super) reason: String,
    pub(super) step: StepRef,
}

/// Declares a type of event that says nothing but the step.
macro_rules! of_step_alone {
    ($($name:ident: $doc:literal,)*) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, Serialize, JsonSchema)]
        pub(crate) struct $name {
            pub(super) step: StepRef,
        }
    )*};
}

of_step_alone! {
    Done: "A step is done.",
    UndoAsked: "An undo is asked for.",
    Undone: "A step is undone.",
}

/// Whether the third step will be refused.
fn is_refused(data: &JsonFields<'_>) -> bool {
    data.get("refused") == Some(&Value::Bool(true))
}

/// What all of these types have.
macro_rules! event_types {
    ($($name:ident in $domain:ident as $wire:literal: $data:ident => $read:expr,)*) => {$(
        impl EventType for $name {
            const TYPE: &'static str = $wire;
            const VERSION: &'static str = "1.0";
            const SCHEMA: &'static str = concat!("https://schemas.example.com/", $wire, "/v1");
            const DOMAIN: &'static Domain = &$domain;

            fn decode($data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
                if version.major != 1 {
                    return Err(version.unsupported::<Self>());
                }
                Ok($read)
            }
        }
    )*};
}

event_types! {
    Begun in OF_FACTS as "bench.begun": data => Self {
        saga: data.identifier("saga")?.to_owned(),
        refused: is_refused(data),
    },
    Ended in OF_FACTS as "bench.ended": data => Self {
        saga: data.identifier("saga")?.to_owned(),
    },
    Asked in OF_REQUESTS as "bench.asked": data => Self {
        refused: is_refused(data),
        step: StepRef::read(data)?,
    },
    UndoAsked in OF_REQUESTS as "bench.undo_asked": data => Self { step: StepRef::read(data)? },
    Done in OF_ANSWERS as "bench.done": data => Self { step: StepRef::read(data)? },
    Undone in OF_ANSWERS as "bench.undone": data => Self { step: StepRef::read(data)? },
    Refused in OF_ANSWERS as "bench.refused": data => Self {
        reason: data.identifier("reason")?.to_owned(),
        step: StepRef::read(data)?,
    },
}

macro_rules! of_steps {
    ($($name:ident)*) => {$(
        impl OfStep for $name {
            fn step(&self) -> &StepRef {
                &self.step
            }
        }
    )*};
}

of_steps! { Asked UndoAsked Done Undone Refused }
