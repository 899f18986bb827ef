//! Adapters that fail, fall silent, answer late or take their process with them, at any single call
//! of a port.
//!
//! Three parts: a [`FaultPlan`] says what happens to each call; a [`Process`] is what a crash ends;
//! [`FaultyDocuments`] and [`FaultyPublisher`] put both around real adapters. A port of another
//! crate is wrapped with [`FaultyPort`] in the same way.

mod documents;
mod fault;
mod port;
mod process;
mod publisher;

pub use documents::FaultyDocuments;
pub use fault::{Decision, Fault, FaultPlan, PortCall};
pub use port::{FaultyPort, is_undone};
pub use process::Process;
pub use publisher::FaultyPublisher;
