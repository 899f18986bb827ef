//! The ledger over the embedded engine in memory: each promise of a mark by itself.

#![allow(clippy::unwrap_used, reason = "a failed preparation is a failed test")]

mod claims;
mod finding;
mod lost_claims;
mod scene;
mod standings;
