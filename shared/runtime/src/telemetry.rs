//! Logs: JSON for Cloud Logging in containers, readable lines on one machine.

mod cloud_logging;

use std::fmt::{self, Write as _};
use std::io::IsTerminal;
use std::str::FromStr;

use tracing::{Subscriber, error};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
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

/// What is logged if `RUST_LOG` does not say. The middleware would log each failed call without its cause,
/// which the caller logs.
const DEFAULT_FILTER: &str = "info,gcloud_sdk=warn,gcloud_sdk::middleware=off";

/// Stands in a trace's name for the project, where there is none.
const NO_PROJECT: &str = "local";

/// How log lines are written, and which.
#[derive(Debug)]
pub struct LogSettings {
    format: LogFormat,
    filter: EnvFilter,
    /// The project that traces belong to.
    project: String,
}

impl LogSettings {
    /// Reads `LOG_FORMAT` (default `json`), `RUST_LOG` (default `info`) and `GOOGLE_CLOUD_PROJECT`, by
    /// which Cloud Logging finds a line's trace.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let format = LogFormat::read(settings);
        let rest = Self::of_format(LogFormat::Json, settings);
        let (format, rest) = format.zip(rest)?;
        Some(Self { format, ..rest })
    }

    /// For saying why a start failed, for which the settings of logs may be the reason.
    pub fn of_faults(format: LogFormat) -> Self {
        Self {
            format,
            filter: EnvFilter::new(DEFAULT_FILTER),
            project: NO_PROJECT.to_owned(),
        }
    }

    /// The same as [`LogSettings::read`], for lines of this format.
    pub fn of_format(format: LogFormat, settings: &mut Settings<'_>) -> Option<Self> {
        let project = settings.optional::<String>("GOOGLE_CLOUD_PROJECT", "a project's id");
        let filter = settings.or_default(
            "RUST_LOG",
            "a log filter, such as `info` or `info,fanout_store=debug`",
            EnvFilter::new(DEFAULT_FILTER),
        );
        Some(Self {
            format,
            filter: filter?,
            project: project.value().unwrap_or(NO_PROJECT.to_owned()),
        })
    }
}

/// The target of all spans. They are for traces alone, so that where none are sent their callsites are
/// off.
pub const SPANS: &str = "fanout::span";

/// One more reader of what is logged, with a filter of its own.
pub type MoreLogs = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging to standard output (JSON, panics too) or standard error (text), and to `more`
/// readers of the same lines. A second call changes nothing.
pub fn init_telemetry(settings: LogSettings, more: Vec<MoreLogs>) {
    let (filter, project) = (without_spans(settings.filter), settings.project);
    let mut layers = more;
    let lines = match settings.format {
        LogFormat::Json => {
            log_panics();
            let lines = tracing_subscriber::fmt::layer();
            lines.event_format(CloudLogging { project }).boxed()
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
        "message" => write!(Harmless(out), "{value:?}"),
        name if cloud_logging::is_for_google(name) => Ok(()),
        name => write!(Harmless(out), " {name}={value:?}"),
    })
}

/// Text of unknown origin for a terminal: nothing in it moves the cursor or begins a line like those of
/// the log. A list keeps its lines, which are indented.
struct Harmless<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for Harmless<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let of_a_list = character == '\n' && characters.peek() == Some(&' ');
            let harmless = of_a_list || !character.is_control();
            self.0
                .write_char(if harmless { character } else { '\u{fffd}' })?;
        }
        Ok(())
    }
}

/// A subscriber that writes what the containers of `project` write to somewhere else than standard output.
pub fn cloud_logging_to<W>(project: &str, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let project = project.to_owned();
    tracing_subscriber::fmt()
        .event_format(CloudLogging { project })
        .with_writer(writer)
        .finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use http::Method;
    use serde_json::Value;
    use tracing::{Level, span_enabled};

    use super::*;
    use crate::{LogScope, in_current_scope};

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
    fn spans_for_traces_are_off_whatever_the_filter_lets_through() {
        let filter = without_spans(EnvFilter::new("trace"));
        let subscriber = tracing_subscriber::registry().with(filter);
        tracing::subscriber::with_default(subscriber, || {
            assert!(!span_enabled!(target: SPANS, Level::INFO));
            assert!(span_enabled!(target: "fanout_web", Level::INFO));
        });
    }

    /// The lines that were written meanwhile.
    fn said(what: impl FnOnce()) -> Vec<Value> {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = cloud_logging_to("p", move || writer.clone());
        tracing::subscriber::with_default(subscriber, what);
        let bytes = captured.0.lock().unwrap();
        let lines = bytes
            .split(|byte| *byte == b'\n')
            .filter(|it| !it.is_empty());
        lines
            .map(|line| {
                let mut line: Value = serde_json::from_slice(line).unwrap();
                line["time"] = "[time]".into();
                line
            })
            .collect()
    }

    #[test]
    fn text_of_others_neither_moves_the_cursor_nor_begins_a_line_of_its_own() {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(fields_for_people())
            .with_target(false)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let text = "\u{1b}]0;x\u{7}\nWARN forged";
            tracing::info!(event_id = %text, why = text, "said: {text}\r");
            tracing::error!(error = %"not complete:\n  - PORT", "cannot start");
        });
        let bytes = captured.0.lock().unwrap();
        insta::assert_snapshot!(std::str::from_utf8(&bytes).unwrap(), @r#"
         INFO said: �]0;x��WARN forged� event_id=�]0;x��WARN forged why="\u{1b}]0;x\u{7}\nWARN forged"
        ERROR cannot start error=not complete:
          - PORT
        "#);
    }

    #[test]
    fn a_line_carries_the_names_cloud_logging_and_our_contract_ask_for() {
        let lines = said(|| {
            tracing::warn!(
                event_id = "evt_1",
                attempt = 2_u64,
                httpRequest.status = 204,
                httpRequest.latency = "0.002s",
                share = 0.5,
                whole = f64::NAN,
                "parked \"so\""
            );
        });
        insta::assert_json_snapshot!(lines, @r#"
        [
          {
            "attempt": 2,
            "event_id": "evt_1",
            "httpRequest": {
              "latency": "0.002s",
              "status": 204
            },
            "message": "parked \"so\"",
            "severity": "WARNING",
            "share": 0.5,
            "target": "fanout_runtime::telemetry::tests",
            "time": "[time]",
            "whole": null
          }
        ]
        "#);
    }

    #[tokio::test]
    async fn a_line_within_a_request_names_it_and_its_trace_once_and_one_after_it_does_not() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let scope = LogScope::of_request(Method::POST, "/users", trace.parse().ok());
        let lines = said(|| {
            scope.clone().around_all_of(|| {
                tracing::info!("within");
                tracing::info!(
                    httpRequest.requestMethod = "GET",
                    httpRequest.status = 204,
                    "it says so itself"
                );
            });
            tracing::info!("after");
        });
        insta::assert_json_snapshot!(lines, @r#"
        [
          {
            "httpRequest": {
              "requestMethod": "POST",
              "requestUrl": "/users"
            },
            "logging.googleapis.com/spanId": "00f067aa0ba902b7",
            "logging.googleapis.com/trace": "projects/p/traces/4bf92f3577b34da6a3ce929d0e0e4736",
            "logging.googleapis.com/trace_sampled": true,
            "message": "within",
            "severity": "INFO",
            "target": "fanout_runtime::telemetry::tests",
            "time": "[time]"
          },
          {
            "httpRequest": {
              "requestMethod": "GET",
              "status": 204
            },
            "logging.googleapis.com/spanId": "00f067aa0ba902b7",
            "logging.googleapis.com/trace": "projects/p/traces/4bf92f3577b34da6a3ce929d0e0e4736",
            "logging.googleapis.com/trace_sampled": true,
            "message": "it says so itself",
            "severity": "INFO",
            "target": "fanout_runtime::telemetry::tests",
            "time": "[time]"
          },
          {
            "message": "after",
            "severity": "INFO",
            "target": "fanout_runtime::telemetry::tests",
            "time": "[time]"
          }
        ]
        "#);
        let on_tasks = scope.around(async {
            let told = in_current_scope(async { LogScope::current() });
            let untold = async { LogScope::current() };
            (tokio::spawn(told).await, tokio::spawn(untold).await)
        });
        let (told, untold) = on_tasks.await;
        assert_eq!(&*told.unwrap().request.unwrap().1, "/users");
        assert!(untold.unwrap().request.is_none());
    }

    #[test]
    fn what_went_wrong_is_a_line_that_error_reporting_groups() {
        let lines = said(|| tracing::error!("failed"));
        assert_eq!(lines[0]["@type"], cloud_logging::REPORTED_ERROR);
    }
}
