//! What every process needs and none should write again: settings from the environment, the
//! clock and ids as ports, logs for Cloud Logging, errors as `problem+json`, serving and draining.

mod clock;
mod environment;
mod health;
mod ids;
mod problem;
mod serve;
mod telemetry;
mod trace_context;

pub use clock::{Clock, SystemClock, Timestamp, whole_milliseconds};
pub use environment::{Environment, ProcessEnvironment, Settings, SettingsError};
pub use health::health_route;
pub use ids::{IdGenerator, SystemIds};
pub use problem::{FieldError, Problem};
pub use serve::{DRAIN, ServeError, Shutdown, bind, run_service, serve};
pub use telemetry::{LogFormat, init_telemetry};
pub use trace_context::TraceContext;
