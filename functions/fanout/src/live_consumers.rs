//! The consumers that a bus knows.

use std::collections::BTreeMap;

use fanout_kernel::{ServiceSpec, Subscriber};
use serde_json::Value;
use system::{MAIN_SYSTEM, SERVICES};

/// A consumer with subscriptions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LiveConsumer {
    pub(crate) subscriber: &'static Subscriber,
    /// The names of those that there are.
    pub(crate) subscriptions: Vec<String>,
    /// Those of them that push to nobody: somebody holds the consumer still.
    pub(crate) held: Vec<String>,
}

impl LiveConsumer {
    /// As the table says, where the bus cannot be asked.
    pub(crate) fn presumed(subscriber: &'static Subscriber) -> Self {
        let topics = subscriber.topics.iter();
        Self {
            subscriber,
            subscriptions: topics.map(|it| subscriber.subscription(it.topic)).collect(),
            held: Vec::new(),
        }
    }

    /// As these subscriptions say, each with whether it pushes.
    fn of(spec: &'static ServiceSpec, pushing: &BTreeMap<&str, bool>) -> Option<Self> {
        let mut found = Self::presumed(spec.subscriber.as_ref()?);
        let known = |name: &String| pushing.contains_key(name.as_str());
        found.subscriptions.retain(known);
        let pushes = |name: &&String| pushing.get(name.as_str()) == Some(&true);
        let held = found.subscriptions.iter().filter(|name| !pushes(name));
        found.held = held.cloned().collect();
        Some(found).filter(|found| !found.subscriptions.is_empty())
    }

    fn is_pushed_to(&self) -> bool {
        self.held.len() < self.subscriptions.len()
    }
}

/// Those that these subscriptions, as the API shows them, belong to. In the cloud only what is deployed
/// has some. On one machine every consumer has: what is for a system that does not run waits for it
/// and is left out, and a system runs if it is the main one, or one of its consumers is pushed to.
pub(crate) fn live_consumers(subscriptions: &[Value], in_the_cloud: bool) -> Vec<LiveConsumer> {
    let pushing = subscriptions.iter().filter_map(|it| {
        let name = it["name"].as_str()?.rsplit('/').next()?;
        let endpoint = it["pushConfig"]["pushEndpoint"].as_str();
        Some((name, endpoint.is_some_and(|url| !url.is_empty())))
    });
    let pushing: BTreeMap<&str, bool> = pushing.collect();
    let found = SERVICES.iter().copied();
    let found = found.filter_map(|spec| Some((spec.system, LiveConsumer::of(spec, &pushing)?)));
    let found: Vec<(Option<&str>, LiveConsumer)> = found.collect();
    let pushed_to = found.iter().filter(|(_, consumer)| consumer.is_pushed_to());
    let mut running: Vec<Option<&str>> = pushed_to.map(|(system, _)| *system).collect();
    running.extend([None, Some(MAIN_SYSTEM)]);
    let there = found.into_iter();
    let there = there.filter(|(system, _)| in_the_cloud || running.contains(system));
    there.map(|(_, consumer)| consumer).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HERE: &str = "http://localhost:1/pubsub/push";

    /// Each subscription with where it pushes to, in Google's JSON.
    fn subscriptions(all: &[(&str, &str)]) -> Vec<Value> {
        let shown = all.iter().map(|(name, endpoint)| {
            let push = match *endpoint {
                "" => json!({}),
                url => json!({ "pushEndpoint": url }),
            };
            json!({"name": format!("projects/p/subscriptions/{name}"), "pushConfig": push})
        });
        shown.collect()
    }

    /// The consumers, each with its subscriptions and those that are held.
    fn told(all: &[(&str, &str)], in_the_cloud: bool) -> Vec<(&'static str, usize, Vec<String>)> {
        let found = live_consumers(&subscriptions(all), in_the_cloud).into_iter();
        let told = found.map(|it| (it.subscriber.consumer, it.subscriptions.len(), it.held));
        told.collect()
    }

    #[test]
    fn a_consumer_that_is_held_still_is_there_and_one_without_a_subscription_is_not() {
        let all = [
            ("user-events-email", HERE),
            ("user-events-crm", ""),
            ("user-events-crm-dead-letters", ""),
            ("order-events-search", ""),
            ("another", HERE),
        ];
        let held = |name: &str| vec![name.to_owned()];
        let of_the_sign_up = [
            ("email", 1, Vec::new()),
            ("crm", 1, held("user-events-crm")),
        ];
        assert_eq!(told(&all, false), of_the_sign_up);
        let [email, crm] = of_the_sign_up;
        let search = ("search", 1, held("order-events-search"));
        assert_eq!(told(&all, true), [email, crm, search]);
    }

    #[test]
    fn on_one_machine_a_system_runs_if_one_of_its_consumers_is_pushed_to() {
        let all = [
            ("inventory-events-order", ""),
            ("inventory-events-inventory", HERE),
            ("post-events-feed", ""),
        ];
        let names = told(&all, false).into_iter().map(|(name, _, _)| name);
        assert_eq!(names.collect::<Vec<_>>(), ["order", "inventory"]);
    }
}
