//! What the tests of several packages need: conformance suites that every adapter of a port passes,
//! and time and ids under control. A dependency of tests only.

pub mod documents_conformance;
mod manual_clock;
mod seeded_ids;

pub use manual_clock::ManualClock;
pub use seeded_ids::SeededIds;
