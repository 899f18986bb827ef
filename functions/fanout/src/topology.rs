//! The topics and subscriptions that follow from the table of consumers. The embedded broker, the
//! set-up of Google's emulators and the check of a live project all use it.

use std::iter;
use std::time::Duration;

use fanout_bus::{Backoff, DeadLetterPolicy, Retention, Subscription, Topology};
use fanout_runtime::Timings;

use crate::consumers::{CONSUMERS, ConsumerEntry};

/// The topic of user events.
pub const USER_EVENTS: &str = fanout_contracts::user::TOPIC;

/// How often and how fast a failing message is delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redelivery {
    /// Waits between deliveries.
    pub backoff: Backoff,
    /// Deliveries before the dead-letter topic.
    pub max_attempts: u32,
}

impl Redelivery {
    /// What is deployed; Terraform says the same numbers again.
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
pub fn topology(redelivery: Redelivery, endpoint: impl Fn(&ConsumerEntry) -> String) -> Topology {
    let mut topology = Topology {
        topics: vec![USER_EVENTS.to_owned()],
        subscriptions: Vec::new(),
    };
    for consumer in CONSUMERS {
        topology.topics.push(consumer.dead_letters());
        topology.subscriptions.push(Subscription {
            name: consumer.subscription(),
            topic: USER_EVENTS.to_owned(),
            push_endpoint: Some(endpoint(consumer)),
            ack_deadline: Timings::PRODUCTION.ack_deadline,
            backoff: redelivery.backoff,
            dead_letters: Some(DeadLetterPolicy {
                topic: consumer.dead_letters(),
                max_attempts: redelivery.max_attempts,
            }),
            ordered: true,
            filter: None,
            retention: Retention::of_unacked(Timings::PRODUCTION.retention),
        });
        topology.subscriptions.push(Subscription {
            name: consumer.dead_letters(),
            topic: consumer.dead_letters(),
            push_endpoint: None,
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
    fn every_consumer_is_pushed_all_events_of_its_topic() {
        let second = Duration::from_secs(1);
        let redelivery = Redelivery {
            backoff: Backoff {
                min: second,
                max: second,
            },
            max_attempts: 5,
        };
        let topology = topology(redelivery, |consumer| consumer.name.to_owned());
        for consumer in CONSUMERS {
            let mut subscriptions = topology.subscriptions.iter();
            let pushed = subscriptions.find(|it| it.name == consumer.subscription());
            let pushed = pushed.unwrap();
            assert_eq!(pushed.push_endpoint.as_deref(), Some(consumer.name));
            assert_eq!(pushed.filter, None);
        }
        assert_eq!(topology.subscriptions.len(), 2 * CONSUMERS.len());
    }
}
