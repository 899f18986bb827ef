//! One delivery on its way through the pipeline.

use fanout_bus::{PushedMessage, trace_of};
use fanout_dedup::{LedgerError, Seen};
use fanout_events::Event;
use fanout_runtime::{IdGenerator, TraceContext, is_id_of};
use fanout_store::jitter;
use fanout_telemetry::current_context;

use crate::outcome::Outcome;

/// How often writes are planned again because documents changed under them, before the delivery is
/// given back to Pub/Sub.
pub(super) const MAX_CONFLICTS: u32 = 5;

/// What says that an event was made by hand.
const MANUAL: &str = "manual";

/// A message that has arrived, and what marks it.
pub(super) struct Arrival<'a> {
    pub(super) message: &'a PushedMessage,
    pub(super) seen: Seen,
    /// An operator delivers it once more, from the dead-letter topic.
    pub(super) redriven: bool,
}

/// A delivery whose event could be decoded.
pub(super) struct Delivery<'a> {
    pub(super) arrival: Arrival<'a>,
    pub(super) event: &'a Event,
}

/// An outcome, and whether the crash of an earlier holder may have doubled the effect.
pub(super) struct Reacted {
    pub(super) outcome: Outcome,
    pub(super) may_have_repeated: bool,
}

impl Delivery<'_> {
    /// The trace that what follows belongs to.
    pub(super) fn trace(&self) -> Option<TraceContext> {
        current_context().or_else(|| trace_of(&self.arrival.message.attributes))
    }
}

/// Whether an event has a row in the event store: an outbox of ours published it.
pub(super) fn has_row(message: &PushedMessage, event: &Event) -> bool {
    let announced = message.attributes.get("ce-id") == Some(&event.id);
    announced && event.source != MANUAL && is_id_of("evt", &event.id)
}

/// Waits before planning again. Not the first time: a plan that was made without reading usually
/// meets no other delivery, only what it did not know.
pub(super) async fn back_off(ids: &dyn IdGenerator, conflicts: u32) {
    if conflicts > 1 {
        tokio::time::sleep(jitter(ids, conflicts)).await;
    }
}

impl From<Outcome> for Reacted {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            may_have_repeated: false,
        }
    }
}

impl From<LedgerError> for Outcome {
    fn from(error: LedgerError) -> Self {
        Self::Failed(error.into())
    }
}
