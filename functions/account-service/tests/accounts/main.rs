//! The account service over the embedded engine in memory, as its callers meet it.

#![allow(clippy::unwrap_used, reason = "a failed preparation is a failed test")]

mod calls;
mod laws;
mod repeats;
mod scene;
mod seeds;
