//! Spans as a tree that reads the same in every run.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use fanout_telemetry::Traces;
use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use crate::support::captured_logs;

const MESSAGE_ID: &str = "messaging.message.id";

/// Keeps spans.
#[derive(Debug, Clone, Default)]
struct Collected(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Collected {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// The spans that ended while a future ran.
pub(crate) async fn spans_of(future: impl Future<Output = ()>) -> Vec<SpanData> {
    // Installs the subscriber that stays: without it a callsite may be off for good.
    captured_logs(async {}).await;
    let collected = Collected::default();
    let traces = Traces::all_to(collected.clone());
    let reading = registry().with(vec![traces.reading()]);
    future.with_subscriber(reading).await;
    collected.0.lock().unwrap().clone()
}

/// Every trace as a tree, by when it began; siblings by their names.
pub(crate) fn trees(spans: &[SpanData]) -> String {
    let names: HashMap<SpanId, &SpanData> = spans
        .iter()
        .map(|span| (span.span_context.span_id(), span))
        .collect();
    let mut roots: Vec<&SpanData> = spans
        .iter()
        .filter(|span| !names.contains_key(&span.parent_span_id))
        .collect();
    roots.sort_by_key(|span| span.start_time);
    let mut text = String::new();
    for (number, root) in roots.into_iter().enumerate() {
        writeln!(text, "trace {}", number + 1).unwrap();
        write_span(&mut text, root, 1, spans, &names);
    }
    text
}

fn write_span(
    text: &mut String,
    span: &SpanData,
    depth: usize,
    spans: &[SpanData],
    names: &HashMap<SpanId, &SpanData>,
) {
    let kind = match span.span_kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    };
    let elsewhere = if span.parent_span_id == SpanId::INVALID || depth > 1 {
        ""
    } else {
        ", of a caller"
    };
    let margin = "  ".repeat(depth);
    writeln!(text, "{margin}{} ({kind}{elsewhere})", span.name).unwrap();
    for (name, value) in attributes(span) {
        writeln!(text, "{margin}  · {name}={value}").unwrap();
    }
    if let opentelemetry::trace::Status::Error { .. } = span.status {
        writeln!(text, "{margin}  · error").unwrap();
    }
    for link in &span.links.links {
        let linked = names.get(&link.span_context.span_id());
        let linked = linked.map_or("a span elsewhere", |span| span.name.as_ref());
        writeln!(text, "{margin}  → {linked}").unwrap();
    }
    let id = span.span_context.span_id();
    let mut children: Vec<&SpanData> = spans
        .iter()
        .filter(|child| child.parent_span_id == id)
        .collect();
    children.sort_by_key(|child| (child.name.clone(), child.start_time));
    for child in children {
        write_span(text, child, depth + 1, spans, names);
    }
}

/// The attributes, with ids that differ from run to run as their kind.
fn attributes(span: &SpanData) -> BTreeMap<String, String> {
    let told = span.attributes.iter().map(|it| {
        let value = it.value.to_string();
        let value = match value.split_once('_') {
            Some((kind @ ("evt" | "usr" | "req"), _)) => format!("[{kind}]"),
            // The broker counts messages by the clock.
            None if it.key.as_str() == MESSAGE_ID && value.len() > 5 => "[message]".to_owned(),
            _ => value,
        };
        (it.key.to_string(), value)
    });
    told.collect()
}
