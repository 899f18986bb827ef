#![doc = include_str!("../README.md")]

mod api;
mod call;
mod gathered_writes;
pub mod write;

pub use api::{Api, Channel, may_pass};
pub use call::{call, is_answer, ready, said};
