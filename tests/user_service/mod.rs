//! The user service alone, over a real store and a bus that fails on demand.

mod answers;
mod broker_down;
mod bus;
mod causes;
mod conditions;
mod correlation;
mod crashes;
mod description;
mod halting;
mod idempotency;
mod late_answers;
mod many_at_once;
mod meanwhile;
mod relays;
mod round_trips;
mod service;
mod whole_system;

pub(crate) use bus::Mood;
pub(crate) use service::Service;
