#![doc = include_str!("../README.md")]

mod captured_logs;
pub mod consumer_tests;
mod counting_documents;
pub mod documents_conformance;
pub mod faults;
mod hooked_documents;
mod instances;
mod manual_clock;
pub mod push_endpoint;
#[allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]
pub mod saga_laws;
mod scripted_bus;
mod seeded_ids;
mod silent_proxy;
pub mod user_events;

pub use captured_logs::captured_logs;
pub use counting_documents::{CountingDocuments, PortCalls};
pub use hooked_documents::{CommitHook, HookedCommit, HookedDocuments};
pub use instances::Instances;
pub use manual_clock::ManualClock;
pub use scripted_bus::{Mood, NextPublish, ScriptedBus};
pub use seeded_ids::SeededIds;
pub use silent_proxy::SilentProxy;
