//! All spans there are. Each costs nothing where no endpoint is set: its callsite is off. No attribute
//! is an address, a name or a payload.

use fanout_runtime::{SPANS, TraceContext};
use tracing::field::Empty;
use tracing::{Level, Span, info_span, span_enabled};

use crate::context::{context_of, continue_from, current_context, link};
use crate::method;

/// What an event says of itself in spans.
#[derive(Debug, Clone, Copy)]
pub struct Traced<'a> {
    /// The topic that it goes to.
    pub topic: &'a str,
    /// Its id.
    pub event_id: &'a str,
    /// Its type.
    pub event_type: &'a str,
    /// The request that started it all.
    pub correlation_id: Option<&'a str>,
    /// Empty for none.
    pub ordering_key: &'a str,
}

/// A delivery in spans.
#[derive(Debug, Clone, Copy)]
pub struct Delivered<'a> {
    /// The subscription's name.
    pub subscription: &'a str,
    /// The bus's id of the message.
    pub message_id: &'a str,
    /// From 1, where the bus counts.
    pub attempt: Option<u32>,
    /// The context in which the event was created.
    pub created: Option<&'a TraceContext>,
    /// An operator delivers it once more: a trace of its own.
    pub redriven: bool,
}

/// A request that is served, by its route's pattern; `caller` gives the context that came with it.
pub fn request_span(
    method: &str,
    route: &str,
    caller: impl FnOnce() -> Option<TraceContext>,
) -> Span {
    let span = info_span!(
        target: SPANS,
        "request",
        otel.name = display(format_args!("{} {route}", method::in_a_name(method))),
        otel.kind = "server",
        http.request.method = method::told(method),
        http.route = route,
        http.response.status_code = Empty,
        otel.status_code = Empty,
    );
    if !span.is_disabled()
        && let Some(caller) = caller()
    {
        continue_from(&span, &caller);
    }
    span
}

/// Notes the answer to a request.
pub fn answered(span: &Span, status: u16) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", u64::from(status));
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// A commit of so many writes to a store, such as `sqlite`. Only within another span: what runs in the
/// background is no trace.
pub fn commit_span(store: &'static str, writes: usize) -> Span {
    if !span_enabled!(target: SPANS, Level::INFO) || Span::current().is_none() {
        return Span::none();
    }
    info_span!(
        target: SPANS,
        "commit",
        otel.name = display(format_args!("commit {store}")),
        otel.kind = "client",
        db.system.name = store,
        db.operation.name = "commit",
        db.operation.batch.size = writes as u64,
    )
}

/// The creation of an event, done at once: its context is stored and travels with the event. It belongs
/// to the span that is running, unless `trace` is another trace. `None` where no spans are made.
pub fn created(event: &Traced<'_>, trace: Option<&TraceContext>) -> Option<TraceContext> {
    let span = info_span!(
        target: SPANS,
        "create",
        otel.name = display(format_args!("create {}", event.topic)),
        otel.kind = "producer",
        messaging.system = "gcp_pubsub",
        messaging.operation.name = "create",
        messaging.operation.type = "create",
        messaging.destination.name = event.topic,
        messaging.message.conversation_id = event.correlation_id,
        messaging.gcp_pubsub.message.ordering_key = some(event.ordering_key),
        fanout.event.id = event.event_id,
        fanout.event.type = event.event_type,
    );
    if span.is_disabled() {
        return None;
    }
    let elsewhere = |trace: &&TraceContext| {
        current_context().is_none_or(|running| running.trace_id() != trace.trace_id())
    };
    if let Some(trace) = trace.filter(elsewhere) {
        continue_from(&span, trace);
    }
    context_of(&span)
}

/// The sending of a message to a topic: in the span that is running, else where it was created.
pub fn send_span(topic: &str, created: impl FnOnce() -> Option<TraceContext>) -> Span {
    let span = info_span!(
        target: SPANS,
        "send",
        otel.name = display(format_args!("send {topic}")),
        otel.kind = "client",
        messaging.system = "gcp_pubsub",
        messaging.operation.name = "send",
        messaging.operation.type = "send",
        messaging.destination.name = topic,
        messaging.message.id = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    );
    if !span.is_disabled()
        && let Some(created) = created()
    {
        if current_context().is_none() {
            continue_from(&span, &created);
        }
        link(&span, &created);
    }
    span
}

/// Notes how a sending ended.
pub fn sent<E>(span: &Span, answer: Result<&str, E>, error_type: impl FnOnce(E) -> &'static str) {
    if span.is_disabled() {
        return;
    }
    match answer {
        Ok(message_id) => {
            span.record("messaging.message.id", message_id);
        }
        Err(error) => {
            span.record("error.type", error_type(error));
            span.record("otel.status_code", "ERROR");
        }
    }
}

/// The processing of a delivery: a child of the event's creation, so that a fan-out is one trace, with a
/// link to it and to the push. A redrive belongs to the push's trace instead.
pub fn process_span(delivered: &Delivered<'_>) -> Span {
    let span = info_span!(
        target: SPANS,
        "process",
        otel.name = display(format_args!("process {}", delivered.subscription)),
        otel.kind = "consumer",
        messaging.system = "gcp_pubsub",
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.subscription.name = delivered.subscription,
        messaging.message.id = delivered.message_id,
        messaging.gcp_pubsub.message.delivery_attempt = delivered.attempt,
        fanout.event.id = Empty,
        fanout.event.type = Empty,
        fanout.outcome = Empty,
        fanout.may_have_repeated = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    let push = current_context();
    if let Some(created) = delivered.created {
        if !delivered.redriven {
            continue_from(&span, created);
        }
        link(&span, created);
    }
    if let Some(push) = push.filter(|_| !delivered.redriven) {
        link(&span, &push);
    }
    span
}

/// How the processing of a delivery ended.
#[derive(Debug, Clone, Copy)]
pub struct Processed<'a> {
    /// The event's id.
    pub event_id: &'a str,
    /// The event's type; empty if it cannot be read.
    pub event_type: &'a str,
    /// What became of it.
    pub outcome: &'static str,
    /// Whether an earlier holder was cut off.
    pub may_have_repeated: bool,
    /// What kind of failure it was, if it was one.
    pub error_type: Option<&'a str>,
}

/// Notes how the processing of a delivery ended.
pub fn processed(span: &Span, processed: &Processed<'_>) {
    if span.is_disabled() {
        return;
    }
    span.record("fanout.event.id", processed.event_id);
    if let Some(event_type) = some(processed.event_type) {
        span.record("fanout.event.type", event_type);
    }
    span.record("fanout.outcome", processed.outcome);
    if processed.may_have_repeated {
        span.record("fanout.may_have_repeated", true);
    }
    if let Some(error_type) = processed.error_type {
        span.record("error.type", error_type);
        span.record("otel.status_code", "ERROR");
    }
}

/// The sending of a mail.
pub fn mail_span() -> Span {
    info_span!(
        target: SPANS,
        "mail",
        otel.name = "send mail",
        otel.kind = "client",
    )
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
