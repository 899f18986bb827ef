//! The topics and subscriptions that follow from the table. The embedded broker, the
//! set-up of Google's emulators and the check of a live project all use it.

use std::collections::BTreeSet;
use std::iter;
use std::time::Duration;

use fanout_bus::{Backoff, DeadLetterPolicy, Retention, Subscription, Topology};
use fanout_kernel::{ServiceSpec, Subscriber};
use fanout_runtime::Timings;

use crate::{SERVICES, filter};

/// How often and how fast a failing message is delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redelivery {
    /// Waits between deliveries.
    pub backoff: Backoff,
    /// Deliveries before the dead-letter topic.
    pub max_attempts: u32,
}

impl Redelivery {
    /// What is deployed.
    pub const PRODUCTION: Self = Self {
        backoff: Backoff {
            min: Duration::from_secs(10),
            max: Duration::from_secs(600),
        },
        max_attempts: 20,
    };

    /// All waits between deliveries together. They double, from the shortest to the longest.
    pub fn all_waits(&self) -> Duration {
        let Backoff { min, max } = self.backoff;
        let waits = iter::successors(Some(min.min(max)), |wait| {
            Some(wait.saturating_mul(2).min(max))
        });
        let attempts = usize::try_from(self.max_attempts).unwrap_or(usize::MAX);
        waits.take(attempts.saturating_sub(1)).sum()
    }
}

/// All topics and subscriptions; `endpoint` says where a consumer is pushed to. What is for one that
/// runs nowhere waits for it.
pub fn topology(
    redelivery: Redelivery,
    endpoint: impl Fn(&Subscriber) -> Option<String>,
) -> Topology {
    topology_of(SERVICES, redelivery, endpoint)
}

/// The same where only these services are deployed. A consumer is not subscribed to a topic that is
/// not there.
pub fn deployed(
    redelivery: Redelivery,
    is_there: impl Fn(&ServiceSpec) -> bool,
    endpoint: impl Fn(&Subscriber) -> Option<String>,
) -> Topology {
    let services = SERVICES.iter().copied().filter(|spec| is_there(spec));
    let services: Vec<&ServiceSpec> = services.collect();
    topology_of(&services, redelivery, endpoint)
}

fn topology_of(
    services: &[&ServiceSpec],
    redelivery: Redelivery,
    endpoint: impl Fn(&Subscriber) -> Option<String>,
) -> Topology {
    let topics = topics_of(services);
    let mut topology = Topology {
        topics: topics.iter().copied().map(str::to_owned).collect(),
        subscriptions: Vec::new(),
    };
    for subscriber in services.iter().filter_map(|spec| spec.subscriber.as_ref()) {
        let dead_letters = subscriber.dead_letters();
        let heard = subscriber.topics.iter();
        let heard = heard.filter(|subscribed| topics.contains(subscribed.topic));
        let pushed = heard.map(|subscribed| Subscription {
            name: subscriber.subscription(subscribed.topic),
            topic: subscribed.topic.to_owned(),
            push_endpoint: endpoint(subscriber),
            wrapping: Default::default(),
            ack_deadline: Timings::PRODUCTION.ack_deadline,
            backoff: redelivery.backoff,
            dead_letters: Some(DeadLetterPolicy {
                topic: dead_letters.clone(),
                max_attempts: redelivery.max_attempts,
            }),
            ordered: true,
            filter: filter(subscriber.consumer, subscribed.topic),
            retention: Retention::of_unacked(Timings::PRODUCTION.retention),
        });
        topology.subscriptions.extend(pushed);
        topology.topics.push(dead_letters.clone());
        topology.subscriptions.push(Subscription {
            name: dead_letters.clone(),
            topic: dead_letters,
            push_endpoint: None,
            wrapping: Default::default(),
            ack_deadline: Duration::from_secs(60),
            backoff: redelivery.backoff,
            dead_letters: None,
            ordered: false,
            filter: None,
            retention: Retention::of_unacked(Timings::PRODUCTION.dead_letter_retention),
        });
    }
    topology
}

/// The topics on which these services publish, but for those on which one only answers a service that
/// is none of these.
fn topics_of(services: &[&ServiceSpec]) -> BTreeSet<&'static str> {
    let hears = |spec: &ServiceSpec, topic: &str| {
        let subscribed = spec.subscriber.iter().flat_map(|it| it.topics);
        subscribed.into_iter().any(|it| it.topic == topic)
    };
    let only_for_itself = |publisher: &ServiceSpec, topic: &str| {
        let mut listeners = services.iter().filter(|spec| hears(spec, topic));
        let first = listeners.next();
        first.is_some_and(|spec| spec.name == publisher.name) && listeners.next().is_none()
    };
    let is_alone = |topic: &str| {
        let publishers = SERVICES
            .iter()
            .filter(|spec| spec.publishes.contains(&topic));
        publishers.count() == 1
    };
    let published = services.iter().flat_map(|spec| {
        let topics = spec.publishes.iter().copied();
        topics.filter(|topic| is_alone(topic) || !only_for_itself(spec, topic))
    });
    published.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MAIN_SYSTEM, consumers};

    #[test]
    fn every_consumer_is_pushed_its_topics_and_only_six_of_those_by_flow() {
        let second = Duration::from_secs(1);
        let redelivery = Redelivery {
            backoff: Backoff {
                min: second,
                max: second,
            },
            max_attempts: 5,
        };
        let topology = topology(redelivery, |it| Some(it.consumer.to_owned()));
        let mut filtered = Vec::new();
        for subscriber in consumers() {
            for subscribed in subscriber.topics {
                let mut subscriptions = topology.subscriptions.iter();
                let name = subscriber.subscription(subscribed.topic);
                let pushed = subscriptions.find(|it| it.name == name).unwrap();
                assert_eq!(pushed.push_endpoint.as_deref(), Some(subscriber.consumer));
                assert_eq!(pushed.topic, subscribed.topic);
                if let Some(filter) = &pushed.filter {
                    assert_eq!(filter, "attributes.flow = \"choreographed\"");
                    filtered.push(name);
                }
            }
        }
        filtered.sort();
        let expected = [
            "inventory-events-payment",
            "order-events-inventory",
            "order-events-shipping",
            "payment-events-inventory",
            "payment-events-shipping",
            "shipping-events-payment",
        ];
        assert_eq!(filtered, expected);
    }

    #[test]
    fn where_the_sign_up_runs_alone_nothing_hears_topics_that_nothing_publishes_on() {
        let sign_up = deployed(
            Redelivery::PRODUCTION,
            |spec| spec.system == Some(MAIN_SYSTEM),
            |_| None,
        );
        let names = sign_up.subscriptions.iter().map(|it| it.name.as_str());
        let pushed: Vec<&str> = names.filter(|it| !it.ends_with("-dead-letters")).collect();
        let expected = [
            "user-events-email",
            "user-events-analytics",
            "user-events-crm",
        ];
        assert_eq!(pushed, expected);
        let topics = sign_up.topics.iter().map(String::as_str);
        let topics: Vec<&str> = topics.filter(|it| !it.ends_with("-dead-letters")).collect();
        assert_eq!(topics, ["user-events"]);
    }
}
