#![doc = include_str!("../README.md")]

mod body;
mod connections;
mod correlation;
mod fallbacks;
mod grpc;
mod health;
mod json_body;
mod json_object;
mod media;
mod paging;
mod parameter;
mod problem;
mod read_problem;
mod repeatable;
mod request_body;
mod routes;
mod serve;
mod this_machine;

pub use body::{BodyFault, BodyRoom, HeldBody, read_body};
pub use correlation::{Cause, RequestContext, with_correlation};
pub use fallbacks::with_fallbacks;
pub use health::health_route;
pub use json_body::read_json_body;
pub use json_object::{NotJson, read_json_object};
pub use media::{is_encoded, media_type};
pub use paging::{
    InvalidPageToken, given, open_page_token, page_after, page_limit, page_token_time,
    seal_page_token,
};
pub use parameter::{both, parameters, required_parameter};
pub use problem::{FieldError, Problem};
pub use repeatable::{
    IDEMPOTENCY_KEY, IDEMPOTENCY_KEYS, InvalidIdempotencyKey, MAX_KEY_LENGTH, Remembered,
    Repeatable,
};
pub use serve::{ServeError, Service, bind, run_service, serve};
pub use this_machine::for_this_machine;
