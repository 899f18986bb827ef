#![doc = include_str!("../README.md")]

mod consumer;
mod delivery;
mod delivery_line;
mod effect;
mod end_claim;
mod handler;
mod outcome;
mod park;
mod pipeline;
mod push_auth;
mod push_keys;
mod push_route;
mod react_in_store;
mod react_outside;
mod view;

pub use consumer::Consumer;
pub use effect::{
    Acted, Attempt, End, EventEffect, Failure, Fencing, OUTCOME_UNKNOWN, OutsideEffect, Plan,
    StoreEffect, UnitOfWork,
};
pub use outcome::{Outcome, ParkReason, X_OUTCOME};
pub use pipeline::{ConsumerDeps, Pipeline};
pub use push_auth::{PushAuth, PushAuthError};
pub use push_route::{MAX_PUSH_BYTES, push_route};
pub use view::View;
