#![doc = include_str!("../README.md")]

mod body;
mod connections;
mod correlation;
mod fallbacks;
mod grpc;
mod health;
mod json_body;
mod media;
mod parameter;
mod problem;
mod read_problem;
mod repeatable;
mod request_body;
mod serve;
mod this_machine;

pub use body::{BodyFault, BodyRoom, HeldBody, read_body};
pub use correlation::{Cause, RequestContext, with_correlation};
pub use fallbacks::with_fallbacks;
pub use health::health_route;
pub use json_body::read_json_body;
pub use media::{is_encoded, media_type};
pub use parameter::required_parameter;
pub use problem::{FieldError, Problem};
pub use repeatable::{
    IDEMPOTENCY_KEY, IDEMPOTENCY_KEYS, InvalidIdempotencyKey, MAX_KEY_LENGTH, Remembered,
    Repeatable,
};
pub use serve::{ServeError, Service, bind, run_service, serve};
pub use this_machine::for_this_machine;
