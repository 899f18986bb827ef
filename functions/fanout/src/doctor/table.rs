//! The table against itself: what the code says in several places must agree.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use fanout_contracts::{DOMAINS, account, operator};
use fanout_events::Domain;
use fanout_kernel::{ServiceSpec, Subscribed, Subscriber};
use fanout_runtime::Timings;
use system::{Redelivery, SERVICES, TICKER};

use super::Report;
use crate::cli::BESIDE_SERVICES;

/// Everything that the rules look at.
#[derive(Clone, Copy)]
pub(super) struct Table<'t> {
    timings: Timings,
    redelivery: Redelivery,
    domains: &'t [&'static Domain],
    /// Topics without a consumer, each with the reason why that is right.
    unheard: &'t [(&'t str, &'t str)],
    services: &'t [&'t ServiceSpec],
}

/// Topics that are published for who may come, and the store keeps what was said.
const UNHEARD: &[(&str, &str)] = &[
    (
        operator::TOPIC,
        "they are kept for whoever asks later what operators did",
    ),
    (
        account::TOPIC,
        "the bank reads its own events from the store",
    ),
];

impl Table<'_> {
    pub(super) fn of_the_code() -> Self {
        Self {
            timings: Timings::PRODUCTION,
            redelivery: Redelivery::PRODUCTION,
            domains: DOMAINS,
            unheard: UNHEARD,
            services: SERVICES,
        }
    }

    pub(super) fn check(&self) -> Report {
        let mut findings = self.numbers();
        findings.extend(twice("name", self.listeners()));
        findings.extend(twice("subscription", self.subscriptions()));
        findings.extend(twice("port", self.ports()));
        findings.extend(self.topics());
        findings.extend(self.handled());
        let types: usize = self.domains.iter().map(|domain| domain.types.len()).sum();
        let looked_at = format!(
            "the table: services: {}, subscriptions: {}, ports: {}, topics: {}, event types: {types}, and the numbers of delivery",
            self.services.len(),
            self.subscriptions().count(),
            self.ports().count(),
            self.domains.len(),
        );
        Report {
            looked_at: vec![looked_at],
            findings,
        }
    }

    fn numbers(&self) -> Vec<String> {
        let disagree = self.timings.check().err();
        let mut findings: Vec<String> = disagree.iter().map(ToString::to_string).collect();
        let (waits, lease) = (self.redelivery.all_waits(), self.timings.lease);
        if waits <= lease {
            findings.push(format!(
                "{} deliveries are {} s apart in all, and a lease is {} s: after a crash a message would use up its attempts while the dead handler's claim still keeps other handlers away",
                self.redelivery.max_attempts,
                waits.as_secs_f64(),
                lease.as_secs_f64(),
            ));
        }
        findings
    }

    fn subscribers(&self) -> impl Iterator<Item = &Subscriber> {
        self.services
            .iter()
            .filter_map(|spec| spec.subscriber.as_ref())
    }

    fn listeners(&self) -> impl Iterator<Item = String> {
        let services = self.services.iter().map(|spec| spec.short_name());
        let beside = BESIDE_SERVICES.map(|(name, _)| name).into_iter();
        let beside = beside.chain([TICKER.short_name()]);
        beside.chain(services).map(str::to_owned)
    }

    fn subscriptions(&self) -> impl Iterator<Item = String> {
        self.subscribers().flat_map(|subscriber| {
            let pushed = subscriber.topics.iter();
            let pushed = pushed.map(|subscribed| subscriber.subscription(subscribed.topic));
            pushed.chain([subscriber.dead_letters()])
        })
    }

    fn ports(&self) -> impl Iterator<Item = String> {
        let services = self.services.iter().map(|spec| spec.port);
        let beside = BESIDE_SERVICES.map(|(_, port)| port).into_iter();
        let ports = beside.chain([TICKER.port]).chain(services);
        ports.map(|port| port.to_string())
    }

    /// Each topic has a consumer, or says why not.
    fn topics(&self) -> Vec<String> {
        let finding = |domain: &&Domain| {
            let topic = domain.topic;
            let mut heard = self.subscribers().flat_map(|subscriber| subscriber.topics);
            let heard = heard.any(|subscribed| subscribed.topic == topic);
            let reason = self.unheard.iter().find(|(unheard, _)| *unheard == topic);
            match (heard, reason) {
                (false, None) => Some(format!(
                    "{topic}: no consumer listens to it, and no reason is given"
                )),
                (true, Some((_, reason))) => Some(format!(
                    "{topic}: it has a consumer, and a reason why it has none: {reason}"
                )),
                (true, None) | (false, Some(_)) => None,
            }
        };
        self.domains.iter().filter_map(finding).collect()
    }

    /// Each type that a consumer handles belongs to a domain of the topic it is expected from.
    fn handled(&self) -> Vec<String> {
        let known = |topic: &str, name: &str| {
            let mut domains = self.domains.iter();
            domains.any(|domain| domain.topic == topic && domain.find(name).is_some())
        };
        let mut findings = Vec::new();
        for subscriber in self.subscribers() {
            for Subscribed { topic, types } in subscriber.topics {
                let unknown = types.iter().filter(|name| !known(topic, name));
                findings.extend(unknown.map(|name| {
                    format!(
                        "{}: it handles {name}, a type that does not go to {topic}",
                        subscriber.consumer
                    )
                }));
            }
        }
        findings
    }
}

/// A finding for each value that comes again.
fn twice(what: &str, values: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let again = values.filter(|value| !seen.insert(value.clone()));
    again
        .map(|value| format!("{what} {value} comes twice"))
        .collect()
}
