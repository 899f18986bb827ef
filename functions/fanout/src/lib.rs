//! The `fanout` command: the whole system on one machine, and what an operator asks of it anywhere.

pub mod cli;
pub mod completions;
pub mod consumers;
pub mod doctor;
pub mod google_emulators;
pub mod mail_route;
mod stdout;
pub mod target;
pub mod topology;
pub mod trace;
pub mod up;
