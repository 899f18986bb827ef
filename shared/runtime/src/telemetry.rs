//! Logs: JSON for Cloud Logging in containers, readable lines on one machine.

mod cloud_logging;

use std::io::IsTerminal;
use std::str::FromStr;

use tracing::{Subscriber, error};
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::fmt::{FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::Settings;
use cloud_logging::CloudLogging;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, in the shape Cloud Logging reads.
    Json,
    /// For people.
    Text,
}

impl LogFormat {
    /// Reads `LOG_FORMAT` (default `json`).
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        settings.or_default("LOG_FORMAT", "`json` or `text`", Self::Json)
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        match value {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            other => Err(format!("`{other}` is neither `json` nor `text`")),
        }
    }
}

/// What is logged if `RUST_LOG` does not say.
const DEFAULT_FILTER: &str = "info,firestore=warn,gcloud_sdk=warn";

/// How log lines are written, and which.
#[derive(Debug)]
pub struct LogSettings {
    format: LogFormat,
    filter: EnvFilter,
}

impl LogSettings {
    /// Reads `LOG_FORMAT` (default `json`) and `RUST_LOG` (default `info`).
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let format = LogFormat::read(settings);
        let filter = read_filter(settings);
        Some(Self {
            format: format?,
            filter: filter?,
        })
    }

    /// For saying why a start failed, for which the settings of logs may be the reason.
    pub fn of_faults(format: LogFormat) -> Self {
        let filter = EnvFilter::new(DEFAULT_FILTER);
        Self { format, filter }
    }

    /// Reads `RUST_LOG` alone, for lines of this format.
    pub fn of_format(format: LogFormat, settings: &mut Settings<'_>) -> Option<Self> {
        read_filter(settings).map(|filter| Self { format, filter })
    }
}

fn read_filter(settings: &mut Settings<'_>) -> Option<EnvFilter> {
    settings.or_default(
        "RUST_LOG",
        "a log filter, such as `info` or `info,fanout_store=debug`",
        EnvFilter::new(DEFAULT_FILTER),
    )
}

/// The target of all spans. They are for traces alone, so that where none are sent their callsites are
/// off.
pub const SPANS: &str = "fanout::span";

/// One more reader of what is logged, with a filter of its own.
pub type MoreLogs = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging to standard output (JSON, panics too) or standard error (text), and to `more`
/// readers of the same lines. A second call changes nothing.
pub fn init_telemetry(settings: LogSettings, more: Vec<MoreLogs>) {
    let LogSettings { format, filter } = settings;
    let filter = without_spans(filter);
    let mut layers = more;
    let lines = match format {
        LogFormat::Json => {
            log_panics();
            let lines = tracing_subscriber::fmt::layer();
            lines.event_format(CloudLogging).boxed()
        }
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .fmt_fields(fields_for_people())
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .boxed(),
    };
    // The only error is "already started", by an earlier call of this function.
    let _ = if layers.is_empty() {
        // A filter for all, so that a line which is not wanted costs nothing.
        tracing_subscriber::registry()
            .with(lines.and_then(filter))
            .try_init()
    } else {
        layers.push(lines.with_filter(filter).boxed());
        tracing_subscriber::registry().with(layers).try_init()
    };
}

/// Logs panics instead of printing them. Where a panic's message was put together it may hold
/// an address, so its place has to do.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let reason = panic.payload().downcast_ref::<&'static str>().copied();
        error!(place, reason, "a panic");
    }));
}

fn without_spans(filter: EnvFilter) -> EnvFilter {
    match format!("{SPANS}=off").parse() {
        Ok(off) => filter.add_directive(off),
        // It is a directive: see the tests.
        Err(_) => filter,
    }
}

/// Fields for people: without those that only Cloud Logging reads.
fn fields_for_people() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    debug_fn(|out, field, value| match field.name() {
        "message" => write!(out, "{value:?}"),
        name if cloud_logging::is_for_google(name) => Ok(()),
        name => write!(out, " {name}={value:?}"),
    })
}

/// A subscriber that writes what containers write to somewhere else than standard output.
pub fn cloud_logging_to<W>(writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .event_format(CloudLogging)
        .with_writer(writer)
        .finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::{Level, span_enabled};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Captured {
        fn line(&self) -> Value {
            serde_json::from_slice(&self.0.lock().unwrap()).unwrap()
        }
    }

    fn faults(variables: &[(&str, &str)]) -> Vec<String> {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        let environment: HashMap<String, String> = variables.iter().map(owned).collect();
        let mut settings = Settings::new(&environment);
        let read = LogSettings::read(&mut settings);
        let faults = settings.finish(read).err().map(|error| error.faults);
        faults.unwrap_or_default()
    }

    #[test]
    fn a_filter_or_format_that_cannot_be_read_is_a_fault() {
        for good in ["info", "warn,fanout_store=debug", "off", "3"] {
            assert!(faults(&[("RUST_LOG", good)]).is_empty(), "{good}");
        }
        let bad = [("RUST_LOG", "info,fanout=loud"), ("LOG_FORMAT", "xml")];
        insta::assert_json_snapshot!(faults(&bad), @r#"
        [
          "LOG_FORMAT is set to something else than `json` or `text` (its value is not shown).",
          "RUST_LOG is set to something else than a log filter, such as `info` or `info,fanout_store=debug` (its value is not shown)."
        ]
        "#);
    }

    #[test]
    fn spans_for_traces_are_off_whatever_the_filter_lets_through() {
        let filter = without_spans(EnvFilter::new("trace"));
        let subscriber = tracing_subscriber::registry().with(filter);
        tracing::subscriber::with_default(subscriber, || {
            assert!(!span_enabled!(target: SPANS, Level::INFO));
            assert!(span_enabled!(target: "fanout_web", Level::INFO));
        });
    }

    #[test]
    fn a_line_carries_the_names_cloud_logging_and_our_contract_ask_for() {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = cloud_logging_to(move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(
                event_id = "evt_1",
                attempt = 2_u64,
                httpRequest.status = 204,
                httpRequest.latency = "0.002s",
                "logging.googleapis.com/trace" = "projects/p/traces/t",
                share = 0.5,
                whole = f64::NAN,
                "parked \"so\""
            );
        });
        let mut line = captured.line();
        line["time"] = "[time]".into();
        insta::assert_json_snapshot!(line, @r#"
        {
          "attempt": 2,
          "event_id": "evt_1",
          "httpRequest": {
            "latency": "0.002s",
            "status": 204
          },
          "logging.googleapis.com/trace": "projects/p/traces/t",
          "message": "parked \"so\"",
          "severity": "WARNING",
          "share": 0.5,
          "target": "fanout_runtime::telemetry::tests",
          "time": "[time]",
          "whole": null
        }
        "#);
    }

    #[test]
    fn what_went_wrong_is_a_line_that_error_reporting_groups() {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = cloud_logging_to(move || writer.clone());
        tracing::subscriber::with_default(subscriber, || tracing::error!("failed"));
        assert_eq!(captured.line()["@type"], cloud_logging::REPORTED_ERROR);
    }
}
