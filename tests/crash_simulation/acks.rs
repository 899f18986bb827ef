//! An ack is a promise: the message will not come again.

use fanout_bus::PushedMessage;
use fanout_dedup::{Links, Mark, MarkState, Seen};
use fanout_events::{Received, decode};

use super::bus::Bus;
use super::services::Service;

/// What is acked must be settled: done, parked where somebody can find it, or of no use here.
pub(crate) async fn check_ack(
    bus: &Bus,
    consumer: Service,
    message: &PushedMessage,
    outcome: &str,
) {
    let received = Received {
        data: &message.data,
        message_id: &message.message_id,
        publish_time: message.publish_time,
    };
    let (event_id, event_type, fingerprint) = match decode(&received) {
        Ok(decoded) => (
            decoded.event.id,
            decoded.event.event_type,
            decoded.fingerprint,
        ),
        Err(_) => {
            let fingerprint = fanout_events::Fingerprint::of_bytes(&message.data);
            (received.fallback_event_id(), String::new(), fingerprint)
        }
    };
    if !event_type.is_empty() && !consumer.handles().contains(&event_type.as_str()) {
        return;
    }
    let seen = Seen {
        consumer: consumer.name(),
        event_id,
        fingerprint,
        links: Links::default(),
    };
    let name = consumer.name();
    let what = format!(
        "{name} acks message {} ({})",
        message.message_id, seen.event_id
    );
    if outcome == "parked" {
        let lies_there = bus.sim.facts().is_parked(consumer, &message.message_id);
        if !lies_there {
            let topic = "the dead-letter topic";
            bus.sim
                .violation(format!("{what} as parked, but it is not on {topic}"));
        }
        return;
    }
    let state = match bus.store.get(&seen.key()).await.unwrap() {
        None => "has no mark",
        Some(mark) => match Mark::from_fields(&mark.fields).unwrap().state {
            MarkState::Done => return,
            MarkState::Processing => "is still marked as being worked on",
            MarkState::Released => "was given back, not done",
            MarkState::Parked => "was parked, not done",
        },
    };
    bus.sim
        .violation(format!("{what} as {outcome}, but the event {state}"));
}
