#![doc = include_str!("../README.md")]

pub mod consumer_tests;
mod counting_documents;
pub mod documents_conformance;
pub mod faults;
mod manual_clock;
pub mod push_endpoint;
mod seeded_ids;
pub mod user_events;

pub use counting_documents::{CountingDocuments, PortCalls};
pub use manual_clock::ManualClock;
pub use seeded_ids::SeededIds;
