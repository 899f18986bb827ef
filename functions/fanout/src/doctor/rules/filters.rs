//! Which messages a subscription wants: all of its topic.

use super::{event_subscriptions, subscription_of};
use crate::consumers::CONSUMERS;
use crate::doctor::facts::Facts;
use crate::doctor::rule::Checked;
use crate::topology::USER_EVENTS;

/// Each consumer of the code has its subscription, which has no filter, and
/// each subscription has its consumer.
pub(in crate::doctor) fn check(facts: &Facts, out: &mut Checked) {
    for consumer in CONSUMERS {
        out.looked_at += 1;
        match subscription_of(facts, consumer) {
            Some(subscription) => {
                let label = subscription.label();
                let fact = &subscription.filter;
                if let Some(Some(_)) = out.said(fact, &label) {
                    let problem = "there is a filter: the consumer does not get every type";
                    out.find(&fact.place, problem, label.clone());
                }
                let topic = &subscription.topic;
                if let Some(found) = out.said(topic, &label)
                    && found.is_none_or(|found| found != USER_EVENTS)
                {
                    out.find(
                        &topic.place,
                        format!("it does not listen to {USER_EVENTS}"),
                        label,
                    );
                }
            }
            None => {
                let missing = "a consumer of the code has no subscription";
                out.find(&facts.place, missing, consumer.subscription());
            }
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
