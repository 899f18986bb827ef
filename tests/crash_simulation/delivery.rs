//! Calls of consumers, as they are noted.

use std::sync::Arc;
use std::time::Duration;

use fanout_bus::PushedMessage;
use fanout_events::Received;

use super::facts::{Delivery, DeliveryState};
use super::services::Service;
use super::sim::Sim;

/// A consumer's call that is under way; noted as dropped if it never comes to its end.
pub(crate) struct Running {
    sim: Arc<Sim>,
    pub(crate) number: u64,
    pub(crate) event_id: String,
    /// How long the instance is stalled before it begins.
    pub(crate) stalled: Duration,
}

impl Running {
    pub(crate) fn new(
        sim: &Arc<Sim>,
        number: u64,
        consumer: Service,
        message: &PushedMessage,
        stalled: Duration,
    ) -> Self {
        let event_id = event_id_of(message);
        let delivery = Delivery {
            consumer,
            event_id: event_id.clone(),
            started: sim.now(),
            state: DeliveryState::Running,
            ended: None,
            store_failed: false,
        };
        sim.facts().deliveries.insert(number, delivery);
        Self {
            sim: Arc::clone(sim),
            number,
            event_id,
            stalled,
        }
    }

    /// The handler begins, once the instance gets to it.
    pub(crate) async fn begin(&self) {
        if self.stalled.is_zero() {
            return;
        }
        tokio::time::sleep(self.stalled).await;
        let now = self.sim.now();
        let mut facts = self.sim.facts();
        if let Some(delivery) = facts.deliveries.get_mut(&self.number) {
            delivery.started = now;
        }
    }

    pub(crate) fn end(&self, state: DeliveryState) {
        let now = self.sim.now();
        let mut facts = self.sim.facts();
        if let Some(delivery) = facts.deliveries.get_mut(&self.number)
            && delivery.state == DeliveryState::Running
        {
            delivery.state = state;
            delivery.ended = Some(now);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(DeliveryState::Dropped);
    }
}

/// The id of the event that a message carries.
pub(crate) fn event_id_of(message: &PushedMessage) -> String {
    let received = Received {
        data: &message.data,
        message_id: &message.message_id,
        publish_time: message.publish_time,
    };
    let announced = message.attributes.get("ce-id").cloned();
    announced.unwrap_or_else(|| received.fallback_event_id())
}

/// Who is told to wait must have somebody to wait for: a handler that ran meanwhile, or one that
/// could not give its claim back.
pub(crate) fn check_busy(sim: &Sim, consumer: Service, this: u64, event_id: &str) {
    let facts = sim.facts();
    let asked = facts.deliveries[&this].started;
    let cause = |(number, other): (&u64, &Delivery)| {
        *number != this
            && other.consumer == consumer
            && other.event_id == event_id
            && (other.state != DeliveryState::Answered
                || other.store_failed
                || other.ended.is_some_and(|ended| ended >= asked))
    };
    let caused = facts.deliveries.iter().any(cause);
    drop(facts);
    if !caused {
        sim.violation(format!(
            "delivery {this} of {event_id} is told to wait, but nobody is at work on it"
        ));
    }
}
