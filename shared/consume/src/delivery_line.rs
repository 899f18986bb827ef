//! The one log line of a delivery, whatever became of it.

use std::time::Duration;

use fanout_bus::{PushEnvelope, PushedMessage, trace_of};
use fanout_runtime::{Latency, TraceContext, error_chain};
use http::StatusCode;
use tracing::{error, info, warn};

use super::outcome::Outcome;
use super::pipeline::Settled;

/// What is known of a delivery. No address, no name, no payload; what is not known is left out of
/// the line.
pub(super) struct DeliveryLine {
    consumer: &'static str,
    path: &'static str,
    message_id: Option<String>,
    attempt: Option<u32>,
    trace: Option<TraceContext>,
}

impl DeliveryLine {
    /// The line of a delivery to this path of which nothing was read yet.
    pub(super) fn new(consumer: &'static str, path: &'static str) -> Self {
        Self {
            consumer,
            path,
            message_id: None,
            attempt: None,
            trace: None,
        }
    }

    /// Adds what the envelope says.
    pub(super) fn read(&mut self, envelope: &PushEnvelope) {
        self.message_id = Some(envelope.message_id().to_owned());
        self.attempt = envelope.delivery_attempt();
        self.trace = envelope.trace();
    }

    /// The same of what the headers of an unwrapped push say.
    pub(super) fn announced(&mut self, message: &PushedMessage) {
        self.message_id = Some(message.message_id.clone());
        self.attempt = message.delivery_attempt;
        self.trace = trace_of(&message.attributes);
    }

    /// The trace that the message belongs to.
    pub(super) fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    /// Logs a delivery that was taken to an outcome.
    pub(super) fn settled(&self, settled: &Settled, status: StatusCode, took: Duration) {
        macro_rules! line {
            ($level:ident, $text:literal $(, $name:ident = $value:expr)*) => {
                $level!(
                    event_id = settled.event_id.as_str(),
                    event_type = settled.event_type.as_str(),
                    subject = settled.subject.as_deref(),
                    process = settled.step.as_ref().map(|step| step.process.as_str()),
                    step = settled.step.as_ref().map(|step| step.name.as_str()),
                    consumer = self.consumer,
                    attempt = self.attempt,
                    outcome = settled.outcome.name(),
                    duration_ms = milliseconds(took),
                    correlation_id = settled.correlation_id.as_deref(),
                    message_id = self.message_id.as_deref(),
                    may_have_repeated = settled.may_have_repeated.then_some(true),
                    httpRequest.requestMethod = "POST",
                    httpRequest.requestUrl = self.path,
                    httpRequest.status = status.as_u16(),
                    httpRequest.latency = %Latency(took),
                    $($name = $value,)*
                    $text
                )
            };
        }
        match &settled.outcome {
            Outcome::Done | Outcome::Duplicate | Outcome::Ignored | Outcome::Stale => {
                line!(info, "delivered");
            }
            Outcome::Parked(reason) => line!(
                warn,
                "parked on the dead-letter topic",
                reason = reason.slug,
                detail = reason.detail.as_str()
            ),
            Outcome::Busy { .. } => line!(info, "another instance is at work on this event"),
            Outcome::Deferred(cause) => line!(
                warn,
                "asked for later, to be delivered again",
                error = error_chain(cause.as_ref())
            ),
            Outcome::Failed(cause) => line!(
                error,
                "failed, to be delivered again",
                error = error_chain(cause.as_ref())
            ),
        }
    }

    /// Logs a request that was refused: `outcome` is the answer's slug. It has no event.
    pub(super) fn refused(&self, outcome: &str, why: &str, status: StatusCode, took: Duration) {
        warn!(
            consumer = self.consumer,
            attempt = self.attempt,
            outcome,
            duration_ms = milliseconds(took),
            message_id = self.message_id.as_deref(),
            httpRequest.requestMethod = "POST",
            httpRequest.requestUrl = self.path,
            httpRequest.status = status.as_u16(),
            httpRequest.latency = %Latency(took),
            why,
            "delivery refused"
        );
    }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
