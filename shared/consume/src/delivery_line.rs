//! The one log line of a delivery, whatever became of it.

use std::time::Duration;

use fanout_runtime::{TraceContext, error_chain};
use tracing::{error, info, warn};

use super::outcome::Outcome;
use super::pipeline::Settled;
use fanout_bus::{PushEnvelope, PushedMessage};
use fanout_events::TRACEPARENT;

/// What is known of a delivery. No address, no name, no payload; what is not known is left out of
/// the line.
pub(super) struct DeliveryLine {
    consumer: &'static str,
    message_id: Option<String>,
    attempt: Option<u32>,
    trace: Option<String>,
}

impl DeliveryLine {
    /// The line of a delivery of which nothing was read yet.
    pub(super) fn new(consumer: &'static str) -> Self {
        Self {
            consumer,
            message_id: None,
            attempt: None,
            trace: None,
        }
    }

    /// Adds what the envelope says. `project`: the Google Cloud project that traces belong to.
    pub(super) fn read(&mut self, envelope: &PushEnvelope, project: &str) {
        self.message_id = Some(envelope.message_id().to_owned());
        self.attempt = envelope.delivery_attempt();
        self.belongs_to(envelope.traceparent(), project);
    }

    /// The same of what the headers of an unwrapped push say.
    pub(super) fn announced(&mut self, message: &PushedMessage, project: &str) {
        self.message_id = Some(message.message_id.clone());
        self.attempt = message.delivery_attempt;
        let traceparent = message.attributes.get(TRACEPARENT);
        self.belongs_to(traceparent.map(String::as_str), project);
    }

    fn belongs_to(&mut self, traceparent: Option<&str>, project: &str) {
        self.trace = traceparent
            .and_then(|value| value.parse::<TraceContext>().ok())
            .map(|context| format!("projects/{project}/traces/{}", context.trace_id()));
    }

    /// Logs a delivery that was taken to an outcome.
    pub(super) fn settled(&self, settled: &Settled, took: Duration) {
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
                    "logging.googleapis.com/trace" = self.trace.as_deref(),
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
    pub(super) fn refused(&self, outcome: &str, why: &str, took: Duration) {
        warn!(
            consumer = self.consumer,
            attempt = self.attempt,
            outcome,
            duration_ms = milliseconds(took),
            message_id = self.message_id.as_deref(),
            "logging.googleapis.com/trace" = self.trace.as_deref(),
            why,
            "delivery refused"
        );
    }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
