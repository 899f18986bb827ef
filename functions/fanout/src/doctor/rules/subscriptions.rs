//! Which consumers have a subscription.

use super::{event_subscriptions, subscription_of};
use crate::consumers::CONSUMERS;
use crate::doctor::facts::Facts;
use crate::doctor::rule::Checked;
use crate::topology::USER_EVENTS;

/// Each consumer of the code has its subscription, and each subscription has its consumer.
pub(in crate::doctor) fn check(facts: &Facts, out: &mut Checked) {
    for consumer in CONSUMERS {
        out.looked_at += 1;
        let Some(subscription) = subscription_of(facts, consumer) else {
            let missing = "a consumer of the code has no subscription";
            out.find(&facts.place, missing, consumer.subscription());
            continue;
        };
        let topic = &subscription.topic;
        if let Some(found) = out.said(topic, &subscription.label())
            && found.is_none_or(|found| found != USER_EVENTS)
        {
            let problem = format!("it does not listen to {USER_EVENTS}");
            out.find(&topic.place, problem, subscription.label());
        }
    }
    for subscription in event_subscriptions(facts) {
        let label = subscription.label();
        if !CONSUMERS
            .iter()
            .any(|consumer| consumer.subscription() == label)
        {
            let place = &subscription.name.place;
            out.cannot(
                place,
                "the code has no consumer of this subscription",
                label,
            );
        }
    }
}
