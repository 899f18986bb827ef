//! Generations under everything that can come between: events at every moment of a rebuild, doubled
//! and out of order, instances whose knowledge is old, a store that fails.
//!
//! The services of the feed go through the same in `tests/crash_simulation/feed`. Here and not there are
//! rows of which the latest stays, or that are gone; events of one subject out of order; a raised schema;
//! and a generation that is not used.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod broken;
mod every_moment;
mod large;
mod operating;
mod places;
mod random;
mod while_planned;
mod world;
