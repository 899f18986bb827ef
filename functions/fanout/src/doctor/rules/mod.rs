//! What each rule looks at. A fact that cannot be evaluated is a finding, never a silent pass.

pub(super) mod dead_letters;
pub(super) mod expiry;
pub(super) mod firestore;
pub(super) mod grants;
pub(super) mod numbers;
pub(super) mod push_identity;
pub(super) mod subscriptions;

use super::facts::{Facts, Subscription};
use crate::consumers::{CONSUMERS, ConsumerEntry};

/// The names of all topics that dead letters go to: those that subscriptions name, and those that
/// consumers park on.
fn dead_letter_topics(facts: &Facts) -> Vec<String> {
    let named = facts
        .subscriptions
        .iter()
        .filter_map(|found| found.dead_letter_topic.get().cloned());
    let mut names: Vec<String> = named
        .chain(CONSUMERS.iter().map(ConsumerEntry::dead_letters))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The subscriptions that deliver events, as opposed to those that dead letters wait in.
fn event_subscriptions(facts: &Facts) -> impl Iterator<Item = &Subscription> {
    let dead = dead_letter_topics(facts);
    facts.subscriptions.iter().filter(move |subscription| {
        subscription
            .topic
            .get()
            .is_none_or(|topic| !dead.contains(topic))
    })
}

/// Where a subscription's dead letters go: where it says, or else where its consumer parks.
fn dead_letters_of(subscription: &Subscription) -> Option<String> {
    let label = subscription.label();
    let consumer = CONSUMERS
        .iter()
        .find(|consumer| consumer.subscription() == label);
    let named = subscription.dead_letter_topic.get().cloned();
    named.or(consumer.map(ConsumerEntry::dead_letters))
}

/// The subscription of a consumer.
fn subscription_of<'f>(facts: &'f Facts, consumer: &ConsumerEntry) -> Option<&'f Subscription> {
    let name = consumer.subscription();
    facts
        .subscriptions
        .iter()
        .find(|found| found.name.get() == Some(&name))
}
