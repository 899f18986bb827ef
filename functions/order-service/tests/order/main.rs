//! The order service: its process, and what its requests are answered.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod choreographed;
mod description;
mod moving;
mod process;
mod requests;
mod scene;
