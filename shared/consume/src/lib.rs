#![doc = include_str!("../README.md")]

mod consumer;
mod delivery_line;
mod outcome;
mod outside_effect;
mod park;
mod pipeline;
mod push_auth;
mod push_keys;
mod push_route;
mod store_effect;

pub use consumer::{
    Acted, Attempt, Consumer, End, Failure, OutsideEffect, Plan, StoreEffect, View,
};
pub use outcome::{Outcome, ParkReason, X_OUTCOME};
pub use pipeline::{ConsumerDeps, Pipeline};
pub use push_auth::{PushAuth, PushAuthError, PushAuthMode};
pub use push_route::{MAX_PUSH_BYTES, push_route};
