//! `fanout` as its users meet it: a process, and the words of the README.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod command;
mod completions;
mod doctor;
mod emulators;
mod readme;
mod running;
mod stopping;
mod trace;
