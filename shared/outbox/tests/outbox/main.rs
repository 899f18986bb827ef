//! The outbox over the embedded engine in memory, in a time of its own: each interleaving by itself.

#![allow(clippy::unwrap_used, reason = "a failed preparation is a failed test")]

mod answers;
mod commits;
mod cursors;
mod early_ends;
mod finding;
mod lasting;
mod leases;
mod recorded;
mod relay;
mod scene;
mod skipping;
mod unread;
