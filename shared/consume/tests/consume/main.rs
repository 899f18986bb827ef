//! The pipeline over the embedded engine in memory, in a time of its own, with effects that only
//! these tests know.

#![allow(clippy::unwrap_used, reason = "a failed preparation is a failed test")]

mod budgets;
mod claim_ends;
mod conflicts;
mod effects;
mod emitter;
mod emitting;
mod outside;
mod parking;
mod scene;
