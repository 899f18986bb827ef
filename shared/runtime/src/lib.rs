//! What every process needs and none should write again: settings from the environment, the
//! clock and ids as ports, logs for Cloud Logging, errors as `problem+json`, serving and draining.

mod clock;
mod connections;
mod environment;
mod error_chain;
mod fallbacks;
mod health;
mod ids;
mod problem;
mod request_body;
mod serve;
mod shutdown;
mod telemetry;
mod timings;
mod trace_context;

pub use clock::{Clock, SystemClock, Timestamp, serialize_rfc3339, whole_milliseconds};
pub use environment::{Environment, ProcessEnvironment, Settings, SettingsError};
pub use error_chain::error_chain;
pub use fallbacks::with_fallbacks;
pub use health::health_route;
pub use ids::{IdGenerator, SystemIds};
pub use problem::{FieldError, Problem};
pub use serve::{DRAIN, ServeError, Service, bind, run_service, serve};
pub use shutdown::Shutdown;
pub use telemetry::{LogFormat, LogSettings, cloud_logging_to, init_telemetry};
pub use timings::{Timings, TimingsDisagree};
pub use trace_context::TraceContext;
