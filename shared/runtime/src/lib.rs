#![doc = include_str!("../README.md")]

mod clock;
mod environment;
mod error_chain;
mod ids;
mod latency;
mod log_scope;
mod memory;
mod process;
mod shutdown;
mod telemetry;
mod timings;
mod trace_context;

pub use clock::{Clock, SystemClock, Timestamp, later, serialize_rfc3339, whole_milliseconds};
pub use environment::{Environment, ProcessEnvironment, Setting, Settings, SettingsError};
pub use error_chain::{BoxError, error_chain};
pub use ids::{IdGenerator, SystemIds, id_of, is_id_of};
pub use latency::Latency;
pub use log_scope::{LogScope, Scoped, in_current_scope};
pub use memory::memory_limit;
pub use process::{keep_files_private, raise_descriptor_limit};
pub use shutdown::Shutdown;
pub use telemetry::{
    LogFormat, LogSettings, MoreLogs, SPANS, cloud_logging_to, init_telemetry, log_panics,
};
pub use timings::{DRAIN, Timings, TimingsDisagree};
pub use trace_context::TraceContext;
