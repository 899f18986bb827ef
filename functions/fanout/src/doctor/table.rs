//! The table against itself: what the code says in several places must agree.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use fanout_contracts::DOMAINS;
use fanout_events::Domain;
use fanout_runtime::Timings;

use super::Report;
use crate::cli::{PUBSUB, PUBSUB_PORT, USER, USER_PORT};
use crate::consumers::{CONSUMERS, ConsumerEntry};
use crate::topology::Redelivery;

/// Everything that the rules look at.
#[derive(Clone, Copy)]
pub(super) struct Table<'t> {
    timings: Timings,
    redelivery: Redelivery,
    domains: &'t [&'static Domain],
    /// Topics without a consumer, each with the reason why that is right.
    unheard: &'t [(&'t str, &'t str)],
    consumers: &'t [ConsumerEntry],
}

impl Table<'_> {
    /// What this build consists of.
    pub(super) fn of_the_code() -> Self {
        Self {
            timings: Timings::PRODUCTION,
            redelivery: Redelivery::PRODUCTION,
            domains: DOMAINS,
            unheard: &[],
            consumers: CONSUMERS,
        }
    }

    /// Every rule.
    pub(super) fn check(&self) -> Report {
        let mut findings = self.numbers();
        findings.extend(twice("name of a listener", self.listeners()));
        findings.extend(twice("name of a subscription", self.subscriptions()));
        findings.extend(twice("port", self.ports()));
        findings.extend(self.topics());
        findings.extend(self.handled());
        let types: usize = self.domains.iter().map(|domain| domain.types.len()).sum();
        let looked_at = format!(
            "the table: consumers: {}, subscriptions: {}, ports: {}, topics: {}, event types: {types}, and the numbers of delivery",
            self.consumers.len(),
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

    fn listeners(&self) -> impl Iterator<Item = String> {
        let consumers = self.consumers.iter().map(|consumer| consumer.name);
        [USER, PUBSUB]
            .into_iter()
            .chain(consumers)
            .map(str::to_owned)
    }

    fn subscriptions(&self) -> impl Iterator<Item = String> {
        let both = |consumer: &ConsumerEntry| [consumer.subscription(), consumer.dead_letters()];
        self.consumers.iter().flat_map(both)
    }

    fn ports(&self) -> impl Iterator<Item = String> {
        let consumers = self.consumers.iter().map(|consumer| consumer.port);
        let ports = [USER_PORT, PUBSUB_PORT].into_iter().chain(consumers);
        ports.map(|port| port.to_string())
    }

    /// Each topic has a consumer, or says why not.
    fn topics(&self) -> Vec<String> {
        let finding = |domain: &&Domain| {
            let topic = domain.topic;
            let mut handled = self.consumers.iter().flat_map(|consumer| consumer.handles);
            let heard = handled.any(|handled| domain.find(handled).is_some());
            let reason = self.unheard.iter().find(|(unheard, _)| *unheard == topic);
            match (heard, reason) {
                (false, None) => Some(format!(
                    "{topic}: no consumer handles a type of it, and no reason is given"
                )),
                (true, Some((_, reason))) => Some(format!(
                    "{topic}: it has a consumer, and a reason why it has none: {reason}"
                )),
                (true, None) | (false, Some(_)) => None,
            }
        };
        self.domains.iter().filter_map(finding).collect()
    }

    /// Each type that a consumer handles belongs to a domain.
    fn handled(&self) -> Vec<String> {
        let known = |name: &str| {
            self.domains
                .iter()
                .any(|domain| domain.find(name).is_some())
        };
        let of = |consumer: &ConsumerEntry| {
            let name = consumer.name;
            let unknown = consumer.handles.iter().filter(|handled| !known(handled));
            let finding = |handled| format!("{name}: it handles {handled}, a type of no domain");
            unknown.map(finding).collect::<Vec<_>>()
        };
        self.consumers.iter().flat_map(of).collect()
    }
}

/// A finding for each value that comes again.
fn twice(what: &str, values: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let again = values.filter(|value| !seen.insert(value.clone()));
    again
        .map(|value| format!("{value}: twice the {what}"))
        .collect()
}
