//! Which messages a subscription wants.

use std::collections::{BTreeMap, BTreeSet};

use fanout_bus_local::Filter;

use super::{event_subscriptions, subscription_of};
use crate::consumers::{CONSUMERS, ConsumerEntry};
use crate::doctor::facts::Facts;
use crate::doctor::rule::Checked;
use crate::topology::USER_EVENTS;

/// A type that nobody publishes: no filter may let it through.
const NOBODYS: &str = "nobody.knows";

/// Each consumer of the code has its subscription, whose filter lets through what it handles, and
/// each subscription has its consumer.
pub(in crate::doctor) fn check(facts: &Facts, out: &mut Checked) {
    for consumer in CONSUMERS {
        out.looked_at += 1;
        match subscription_of(facts, consumer) {
            Some(subscription) => {
                let label = subscription.label();
                let fact = &subscription.filter;
                if let Some(filter) = out.said(fact, &label)
                    && let Err(problem) = compare(filter, consumer)
                {
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

fn compare(filter: Option<&String>, consumer: &ConsumerEntry) -> Result<(), String> {
    let Some(text) = filter else {
        return Err("there is no filter: the consumer gets every type".to_owned());
    };
    let filter: Filter = text.parse().map_err(|error| format!("{error}"))?;
    if !filter.matches(&BTreeMap::new()) {
        return Err("the filter holds back messages without a type".to_owned());
    }
    let known = CONSUMERS
        .iter()
        .flat_map(|consumer| consumer.handles.iter().copied());
    let types: BTreeSet<&str> = known.chain([NOBODYS]).collect();
    for event_type in types {
        let attributes = BTreeMap::from([("ce-type".to_owned(), event_type.to_owned())]);
        match (
            filter.matches(&attributes),
            consumer.handles.contains(&event_type),
        ) {
            (true, true) | (false, false) => {}
            (false, true) => {
                return Err(format!(
                    "the filter holds back {event_type}, which the consumer handles"
                ));
            }
            (true, false) if event_type == NOBODYS => {
                return Err("the filter lets every type through".to_owned());
            }
            (true, false) => {
                return Err(format!(
                    "the filter lets {event_type} through, which the consumer has no use for"
                ));
            }
        }
    }
    Ok(())
}
