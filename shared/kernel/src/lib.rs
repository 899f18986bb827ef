#![doc = include_str!("../README.md")]

mod kernel;
mod role;
mod schemas;
mod spec;

pub use kernel::Kernel;
pub use role::{Place, Role};
pub use spec::{Limits, ServiceSpec, Subscribed, Subscriber};
