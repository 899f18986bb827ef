//! Subscriptions that want events of one flow only.

use fanout_contracts::order::CHOREOGRAPHED_FLOW;
use fanout_events::FLOW;
use fanout_kernel::Subscriber;

/// Consumers, each with the topics of which it wants only what is said of choreographed orders: where
/// all orders are orchestrated these deliver nothing.
static CHOREOGRAPHED_ONLY: &[(&str, &[&str])] = &[
    (inventory_service::NAME, inventory_service::OF_CHOREOGRAPHED),
    (payment_service::NAME, payment_service::OF_CHOREOGRAPHED),
    (shipping_service::NAME, shipping_service::OF_CHOREOGRAPHED),
];

/// The one flow of which a consumer wants a topic's events, if it does not want all.
fn only_flow(consumer: &str, topic: &str) -> Option<&'static str> {
    let mut only = CHOREOGRAPHED_ONLY.iter();
    let found = only.any(|(name, topics)| *name == consumer && topics.contains(&topic));
    found.then_some(CHOREOGRAPHED_FLOW)
}

/// The filter of a consumer's subscription to a topic, as Pub/Sub writes it.
pub fn filter(consumer: &str, topic: &str) -> Option<String> {
    only_flow(consumer, topic).map(|flow| format!("attributes.{FLOW} = \"{flow}\""))
}

/// Whether a consumer wants an event of this type and flow on this topic.
pub fn wants(subscriber: &Subscriber, topic: &str, event_type: &str, flow: Option<&str>) -> bool {
    let mut heard = subscriber.topics.iter();
    let handles = heard.any(|it| it.topic == topic && it.types.contains(&event_type));
    handles && only_flow(subscriber.consumer, topic).is_none_or(|only| flow == Some(only))
}
