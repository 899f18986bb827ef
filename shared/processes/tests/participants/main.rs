//! What a participant does for a step that is asked for twice, late, or after its undo.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod in_store;
mod outside;
mod reacting;
mod scene;
