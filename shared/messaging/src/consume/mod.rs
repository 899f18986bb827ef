//! The one consume pipeline: authenticate, decode, deduplicate, handle, answer, log.
//!
//! A consumer is a [`Consumer`] value with one of two kinds of handler, neither of which can touch
//! the store or the bus itself: the pipeline commits what they return, together with the mark. So a
//! consumer cannot be written that forgets to deduplicate.

mod consumer;
mod delivery_line;
mod outcome;
mod outside_effect;
mod park;
mod pipeline;
mod push_auth;
mod push_route;
mod store_effect;

pub use consumer::{
    Acted, Attempt, Consumer, End, Failure, OutsideEffect, Plan, StoreEffect, View,
};
pub use outcome::{Outcome, ParkReason, X_OUTCOME};
pub use pipeline::{ConsumerDeps, Pipeline};
pub use push_auth::{PushAuth, PushAuthError, PushAuthMode};
pub use push_route::{MAX_PUSH_BYTES, push_route};
