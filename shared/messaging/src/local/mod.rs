//! The embedded broker: Pub/Sub's push subscriptions for one machine, in one SQLite file.
//!
//! A publish is one transaction: the message and one delivery row for each subscription. A delivery
//! row lives until its endpoint has answered with an acking status, so nothing is lost whenever the
//! process dies; what was in flight is simply due again at the next start. Messages wait in the
//! file, only those in flight are in memory. They wait as long as the subscription's retention, and
//! where it retains acked messages, those stay as long for a seek.
//!
//! Where Google's emulator and Pub/Sub itself differ, this follows Pub/Sub.

mod backoff;
mod broker;
mod deliver;
mod dispatch;
mod error;
mod filter;
mod flow_control;
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

pub use broker::Broker;
pub use error::BrokerError;
pub use filter::{Filter, InvalidFilter};
pub use mischief::Mischief;
pub use publish::LocalPublisher;
pub use publish_limits::LimitExceeded;
pub use pull::PulledMessage;
