#![doc = include_str!("../README.md")]

mod backlog;
mod broker;
mod deliver;
mod dispatch;
mod error;
mod filter;
mod flow_control;
mod forget;
mod housekeeping;
mod lease;
mod mischief;
mod ordering;
mod publish;
mod publish_limits;
mod pull;
mod push;
pub mod rest;
mod rows;
mod schema;
mod seek;
mod set_up;
mod settle;
mod subscriptions;

#[cfg(test)]
mod tests;

pub use backlog::{Backlog, backlogs};
pub use broker::Broker;
pub use error::BrokerError;
pub use filter::{AttributeFilter, InvalidFilter};
pub use mischief::Mischief;
pub use publish::LocalPublisher;
pub use pull::PulledMessage;
