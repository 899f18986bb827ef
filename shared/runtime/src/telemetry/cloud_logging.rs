//! Cloud Logging's structured JSON, one object a line.

use std::fmt;

use chrono::SecondsFormat;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::LogScope;
use crate::clock::precise_now;

/// What makes Error Reporting take a line, whose message is no stack trace.
pub(super) const REPORTED_ERROR: &str =
    "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent";

/// The fields of this object are put into an object, which is lifted into the log entry.
const HTTP_REQUEST: &str = "httpRequest.";
/// What the trace of a line is called.
const TRACE: &str = "logging.googleapis.com/trace";
const SPAN_ID: &str = "logging.googleapis.com/spanId";
const TRACE_SAMPLED: &str = "logging.googleapis.com/trace_sampled";

/// `severity`, `time`, `message`, `httpRequest` and `logging.googleapis.com/...` are lifted into the
/// log entry, everything else lands in `jsonPayload` under the name it has here. The request within which
/// a line is written, and its trace, are put in here: see [`LogScope`].
/// Why it is no library's: docs/adr/0001-own-log-formatter.md.
pub(super) struct CloudLogging {
    /// The Google Cloud project that traces belong to.
    pub(super) project: String,
}

/// Whether a field is for Cloud Logging alone.
pub(super) fn is_for_google(name: &str) -> bool {
    name.starts_with(HTTP_REQUEST)
}

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
        let time = precise_now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let level = *event.metadata().level();
        let mut line = Line::new();
        line.fields.put("time", &time);
        line.fields.put("severity", severity(level));
        line.fields.put("target", event.metadata().target());
        if level == Level::ERROR {
            line.fields.put("@type", REPORTED_ERROR);
        }
        event.record(&mut line);
        LogScope::with_current(|scope| line.is_within(scope, &self.project));
        line.write(&mut writer)
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

/// Where the usual line has room: it is about a delivery.
const USUAL_LINE: usize = 1024;
const USUAL_HTTP_REQUEST: usize = 128;

/// The members of a JSON object, each behind a comma.
struct Members(Vec<u8>);

struct Line {
    fields: Members,
    http_request: Members,
}

impl Members {
    fn put(&mut self, name: &str, value: impl Serialize) {
        // Names stand in this program, and none has a character that JSON would escape.
        for part in [",\"", name, "\":"] {
            self.0.extend_from_slice(part.as_bytes());
        }
        // Cannot fail: it is a scalar, and memory takes it.
        let _ = serde_json::to_writer(&mut self.0, &value);
    }

    fn text(&self) -> &str {
        std::str::from_utf8(self.0.get(1..).unwrap_or_default()).unwrap_or_default()
    }
}

impl Line {
    fn new() -> Self {
        Self {
            fields: Members(Vec::with_capacity(USUAL_LINE)),
            http_request: Members(Vec::with_capacity(USUAL_HTTP_REQUEST)),
        }
    }

    fn put(&mut self, field: &Field, value: impl Serialize) {
        match field.name().strip_prefix(HTTP_REQUEST) {
            Some(name) => self.http_request.put(name, value),
            None => self.fields.put(field.name(), value),
        }
    }

    /// Names the request, unless the line says itself what became of one; and the trace.
    fn is_within(&mut self, scope: &LogScope, project: &str) {
        if let (Some((method, route)), true) = (&scope.request, self.http_request.0.is_empty()) {
            self.http_request.put("requestMethod", method.as_str());
            self.http_request.put("requestUrl", route.as_ref());
        }
        if let Some(trace) = &scope.trace {
            let name = ["projects/", project, "/traces/", trace.trace_id()].concat();
            self.fields.put(TRACE, name);
            self.fields.put(SPAN_ID, trace.span_id());
            self.fields.put(TRACE_SAMPLED, trace.is_sampled());
        }
    }

    fn write(&self, out: &mut Writer<'_>) -> fmt::Result {
        out.write_str("{")?;
        out.write_str(self.fields.text())?;
        if !self.http_request.0.is_empty() {
            out.write_str(",\"httpRequest\":{")?;
            out.write_str(self.http_request.text())?;
            out.write_str("}")?;
        }
        out.write_str("}\n")
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format_args!("{value:?}"));
    }
}
