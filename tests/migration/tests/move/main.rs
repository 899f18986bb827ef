//! The move from calls to events, phase by phase and back.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod dual_write;
mod page;
mod phase_of_the_day;
mod phases;
mod support;
mod way_back;
