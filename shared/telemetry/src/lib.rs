#![doc = include_str!("../README.md")]

mod context;
mod method;
mod metrics;
mod spans;
mod traces;

pub use context::{context_of, current_context};
pub use metrics::{FAMILIES, Family, Kind, Metrics, Waiting};
pub use spans::{
    Delivered, Processed, Traced, answered, commit_span, created, mail_span, process_span,
    processed, request_span, send_span, sent,
};
pub use traces::{BeforeAnswers, TraceSettings, Traces, TracesError};
