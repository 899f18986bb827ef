//! The topics and subscriptions that follow from the table. The embedded broker, the
//! set-up of Google's emulators and the check of a live project all use it.

use std::iter;
use std::time::Duration;

use fanout_bus::{Backoff, DeadLetterPolicy, Retention, Subscription, Topology};
use fanout_kernel::Subscriber;
use fanout_runtime::Timings;

use crate::{consumers, topics};

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

/// All topics and subscriptions; `endpoint` says where a consumer is pushed to.
pub fn topology(redelivery: Redelivery, endpoint: impl Fn(&Subscriber) -> String) -> Topology {
    let mut topology = Topology {
        topics: topics().into_iter().map(str::to_owned).collect(),
        subscriptions: Vec::new(),
    };
    for subscriber in consumers() {
        let dead_letters = subscriber.dead_letters();
        let pushed = subscriber.topics.iter().map(|subscribed| Subscription {
            name: subscriber.subscription(subscribed.topic),
            topic: subscribed.topic.to_owned(),
            push_endpoint: Some(endpoint(subscriber)),
            wrapping: Default::default(),
            ack_deadline: Timings::PRODUCTION.ack_deadline,
            backoff: redelivery.backoff,
            dead_letters: Some(DeadLetterPolicy {
                topic: dead_letters.clone(),
                max_attempts: redelivery.max_attempts,
            }),
            ordered: true,
            filter: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_consumer_is_pushed_all_events_of_its_topics() {
        let second = Duration::from_secs(1);
        let redelivery = Redelivery {
            backoff: Backoff {
                min: second,
                max: second,
            },
            max_attempts: 5,
        };
        let topology = topology(redelivery, |subscriber| subscriber.consumer.to_owned());
        for subscriber in consumers() {
            for subscribed in subscriber.topics {
                let mut subscriptions = topology.subscriptions.iter();
                let name = subscriber.subscription(subscribed.topic);
                let pushed = subscriptions.find(|it| it.name == name).unwrap();
                assert_eq!(pushed.push_endpoint.as_deref(), Some(subscriber.consumer));
                assert_eq!((&*pushed.topic, &pushed.filter), (subscribed.topic, &None));
            }
        }
    }
}
