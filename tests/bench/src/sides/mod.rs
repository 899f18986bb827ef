//! Libraries side by side: each in a program of its own that is asked, one JSON object a line, and answers the same
//! way once it is done.

mod cost;
mod install;
mod side;
mod syncs;

pub(crate) use install::{Peers, Program};
pub(crate) use side::{Side, number};
pub(crate) use syncs::syncs_during;
