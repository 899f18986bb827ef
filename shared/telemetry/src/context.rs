//! The context of a span, as it travels.

use fanout_runtime::TraceContext;
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The context of a span; `None` where no spans are made.
pub fn context_of(span: &Span) -> Option<TraceContext> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let span = context.span();
    let context = span.span_context();
    if !context.is_valid() {
        return None;
    }
    let (trace, span) = (context.trace_id(), context.span_id());
    let flags = u8::from(context.is_sampled());
    format!("00-{trace}-{span}-{flags:02x}").parse().ok()
}

/// The context of the span that is running; `None` where no spans are made.
pub fn current_context() -> Option<TraceContext> {
    context_of(&Span::current())
}

/// Makes a span that has not begun the child of one elsewhere.
pub(crate) fn continue_from(span: &Span, parent: &TraceContext) {
    if let Some(parent) = remote(parent).filter(|_| !span.is_disabled()) {
        // The only errors are that the span is not recorded, or has begun: then it has its parent.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// Notes that a span has to do with one elsewhere.
pub(crate) fn link(span: &Span, other: &TraceContext) {
    if let Some(other) = remote(other).filter(|_| !span.is_disabled()) {
        span.add_link(other);
    }
}

fn remote(context: &TraceContext) -> Option<SpanContext> {
    let trace = TraceId::from_hex(context.trace_id()).ok()?;
    let span = SpanId::from_hex(context.span_id()).ok()?;
    let flags = TraceFlags::default().with_sampled(context.is_sampled());
    let remote = SpanContext::new(trace, span, flags, true, TraceState::default());
    Some(remote)
}
