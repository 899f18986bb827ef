//! Logs: JSON for Cloud Logging in containers, readable lines on one machine.

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, error};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::Settings;

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

/// One more reader of what is logged, with a filter of its own.
pub type MoreLogs = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging to standard output (JSON, panics too) or standard error (text), and to `more`
/// readers of the same lines. A second call changes nothing.
pub fn init_telemetry(settings: LogSettings, more: Vec<MoreLogs>) {
    let LogSettings { format, filter } = settings;
    let lines = match format {
        LogFormat::Json => {
            log_panics();
            let lines = tracing_subscriber::fmt::layer();
            lines.event_format(CloudLogging).boxed()
        }
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .boxed(),
    };
    // The only error is "already started", by an earlier call of this function.
    let _ = if more.is_empty() {
        // A filter for all, so that a line which is not wanted costs nothing.
        let logs = tracing_subscriber::registry().with(lines.and_then(filter));
        logs.try_init()
    } else {
        let mut layers = more;
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

/// Cloud Logging's structured JSON: `severity`, `time`, `message` and `logging.googleapis.com/trace`
/// are lifted into the log entry, everything else lands in `jsonPayload` under the name it has here.
///
/// This is not tracing-stackdriver: that crate writes every field's name in camelCase, so neither
/// `event_id` nor `logging.googleapis.com/trace` can come out of it.
struct CloudLogging;

impl<S, N> FormatEvent<S, N> for CloudLogging
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut fields = LogFields(Map::new());
        fields.put("time", time);
        fields.put("severity", severity(*event.metadata().level()));
        fields.put("target", event.metadata().target());
        event.record(&mut fields);
        writeln!(writer, "{}", Value::Object(fields.0))
    }
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

struct LogFields(Map<String, Value>);

impl LogFields {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for LogFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

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
    fn a_line_carries_the_names_cloud_logging_and_our_contract_ask_for() {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = cloud_logging_to(move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(
                event_id = "evt_1",
                attempt = 2_u64,
                "logging.googleapis.com/trace" = "projects/p/traces/t",
                "parked"
            );
        });
        let bytes = captured.0.lock().unwrap().clone();
        let mut line: Value = serde_json::from_slice(&bytes).unwrap();
        line["time"] = "[time]".into();
        insta::assert_json_snapshot!(line, @r#"
        {
          "attempt": 2,
          "event_id": "evt_1",
          "logging.googleapis.com/trace": "projects/p/traces/t",
          "message": "parked",
          "severity": "WARNING",
          "target": "fanout_runtime::telemetry::tests",
          "time": "[time]"
        }
        "#);
    }
}
