//! Streams over the embedded engine in memory: laws, and each interleaving by itself.

#![allow(clippy::unwrap_used, reason = "a failed preparation is a failed test")]

mod as_of;
mod copies;
mod interleavings;
mod jar;
mod laws;
mod roots;
mod scene;
mod tampering;
