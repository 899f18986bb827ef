//! Where messages go that will never work.

use super::{dead_letter_topics, event_subscriptions};
use crate::consumers::CONSUMERS;
use crate::doctor::facts::Facts;
use crate::doctor::rule::Checked;

/// Every subscription has a dead-letter topic, which is the one its consumer parks on.
pub(in crate::doctor) fn topics(facts: &Facts, out: &mut Checked) {
    for subscription in event_subscriptions(facts) {
        out.looked_at += 1;
        let label = subscription.label();
        let fact = &subscription.dead_letter_topic;
        let Some(topic) = out.said(fact, &label) else {
            continue;
        };
        let Some(topic) = topic else {
            out.find(&fact.place, "there is no dead-letter topic", label);
            continue;
        };
        let consumer = CONSUMERS
            .iter()
            .find(|consumer| consumer.subscription() == label);
        if let Some(wanted) = consumer.map(|consumer| consumer.dead_letters())
            && wanted != *topic
        {
            let problem = format!("dead letters go to {topic}, and the consumer parks on {wanted}");
            out.find(&fact.place, problem, label);
        }
    }
}

/// Every dead-letter topic has a subscription.
pub(in crate::doctor) fn subscriptions(facts: &Facts, out: &mut Checked) {
    for name in dead_letter_topics(facts) {
        out.looked_at += 1;
        let declared = facts
            .topics
            .iter()
            .find(|topic| topic.name.get() == Some(&name));
        let Some(topic) = declared else {
            out.find(&facts.place, "there is no such dead-letter topic", name);
            continue;
        };
        let waits = facts
            .subscriptions
            .iter()
            .any(|found| found.topic.get() == Some(&name));
        if !waits {
            let place = &topic.name.place;
            out.find(place, "nothing subscribes to this dead-letter topic", name);
        }
    }
}
