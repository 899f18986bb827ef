//! The bus as services see it.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};

use super::bus::Bus;
use super::facts::{DeadLetter, Facts};

pub(crate) struct SimPublisher(pub(crate) Arc<Bus>);

#[async_trait]
impl Publisher for SimPublisher {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        let bus = &self.0;
        if bus.sim.now() < bus.down_until() {
            return Err(PublishError::Unavailable("the bus is down".into()));
        }
        if !topic.ends_with("-dead-letters") {
            self.note_arrival(topic, &message);
            if bus.sim.dice.chance(bus.mischief.renumbered) {
                bus.send(topic, message.clone());
            }
            return Ok(MessageId(bus.send(topic, message).0));
        }
        let attribute = |name: &str| message.attributes.get(name).cloned().unwrap_or_default();
        let letter = DeadLetter {
            message_id: bus.new_message_id(),
            consumer: attribute("dead-letter-consumer"),
            original_message_id: attribute("dead-letter-original-message-id"),
            reason: attribute("dead-letter-reason"),
            message,
        };
        let id = MessageId(letter.message_id.clone());
        bus.sim.note(format_args!(
            "message {} lies on {topic}",
            letter.original_message_id
        ));
        bus.sim.facts().dead_letters.push(letter);
        Ok(id)
    }
}

impl SimPublisher {
    /// What arrives on a topic is the message of a row, to the last byte. An event that keeps order
    /// first arrives after all events of its source's subject that come before it; it may come again
    /// at any time.
    fn note_arrival(&self, topic: &str, message: &OutgoingMessage) {
        let sim = &self.0.sim;
        let mut facts = sim.facts();
        let id = message.attributes.get("ce-id").cloned();
        let id = id.unwrap_or_default();
        let wrong = match facts.events.get(&id) {
            None => Some("no row tells of it".to_owned()),
            Some(row) if row.topic != topic => Some(format!("it belongs to {}", row.topic)),
            Some(row) if row.message != *message => Some("its row says something else".to_owned()),
            Some(_) => overtakes(&facts, &id),
        };
        facts.arrived.insert(id.clone());
        drop(facts);
        if let Some(wrong) = wrong {
            sim.violation(format!("{id} arrives on {topic}: {wrong}"));
        }
    }
}

fn overtakes(facts: &Facts, id: &str) -> Option<String> {
    let this = &facts.events[id];
    let key = &this.message.ordering_key;
    if key.is_empty() || facts.arrived.contains(id) {
        return None;
    }
    let left_behind = facts.events.iter().find(|(other, row)| {
        row.message.ordering_key == *key
            && row.source == this.source
            && row.sequence < this.sequence
            && !facts.arrived.contains(*other)
    });
    left_behind.map(|(other, _)| format!("{other} comes before it"))
}
