//! The `fanout` command: the whole system on one machine.

pub mod cli;
pub mod consumers;
pub mod google_emulators;
pub mod mail_route;
pub mod target;
pub mod topology;
pub mod up;
