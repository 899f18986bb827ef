#![doc = include_str!("../README.md")]

mod connections;
mod fallbacks;
mod health;
mod problem;
mod read_problem;
mod request_body;
mod serve;

pub use fallbacks::with_fallbacks;
pub use health::health_route;
pub use problem::{FieldError, Problem};
pub use serve::{ServeError, Service, bind, run_service, serve};
