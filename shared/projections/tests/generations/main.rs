//! Generations under everything that can come between: events at every moment of a rebuild, doubled
//! and out of order, instances whose knowledge is old, a store that fails.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod broken;
mod every_moment;
mod operating;
mod random;
mod world;
