#![doc = include_str!("../README.md")]

mod advance;
mod engine;
mod find;
mod instance;
mod json;
mod machine;
mod operate;
mod pace;
mod participant;
mod process;
mod react;
pub mod saga;
mod stored;
mod table;
mod verbs_route;
mod wake;

pub use engine::{Begun, CannotBegin, Engine, EngineError};
pub use find::{ProcessPage, open_versions, page_of_processes};
pub use instance::{Failed, Instance, Status, StepRecord, StepStatus};
pub use machine::{Machine, machine};
pub use operate::CANCELLED_BY_OPERATOR;
pub use pace::{PERSISTENT_ATTEMPTS, Pace, backoff};
pub use participant::{
    Answer, DoInStore, DoOutside, Fences, ForestallInStore, Keys, OutsideStep, Reacting, Ruling,
    STEP_FENCES, StoreStep, UndoInStore, UndoOutside, UndoableInStore, UndoableOutside,
    end_fences_of_dead_process,
};
pub use process::{
    Emit, Input, Kind, OperateError, Process, ProcessError, Route, Step, StepOutline, Verb,
};
pub use saga::Saga;
pub use stored::{PROCESSES, StoredProcess, WAKE_SHARDS, process_key, process_subject};
pub use table::{Owned, Processes};
pub use verbs_route::verbs_route;
pub use wake::WakeReport;
