//! Each rule is broken once, in a copy of the code's own table.

use std::time::Duration;

use fanout_contracts::user;

use super::*;
use crate::cli::{CONSOLE, CONSOLE_PORT, PUBSUB, PUBSUB_PORT};

fn consumer(name: &'static str, port: u16, topics: &'static [Subscribed]) -> ServiceSpec {
    ServiceSpec {
        name,
        port,
        subscriber: Some(Subscriber {
            consumer: name,
            topics,
        }),
        ..**SERVICES.first().unwrap()
    }
}

fn findings(change: impl FnOnce(&mut Table<'_>)) -> Vec<String> {
    let mut table = Table::of_the_code();
    change(&mut table);
    table.check().findings
}

fn findings_of(services: &[&ServiceSpec]) -> Vec<String> {
    let table = Table {
        services,
        domains: USERS,
        unheard: &[],
        ..Table::of_the_code()
    };
    table.check().findings
}

const ALL: &[Subscribed] = &[Subscribed {
    topic: user::TOPIC,
    types: &["user.created"],
}];

static USERS: &[&Domain] = &[&user::DOMAIN];

static RETURNS: Domain = Domain {
    name: "return",
    topic: "return-events",
    types: &[],
};

#[test]
fn the_code_s_own_table_has_no_finding() {
    let report = Table::of_the_code().check();
    assert_eq!(report.findings, [""; 0]);
    let said = "the table: services: 12, subscriptions: 34, ports: 15, topics: 9, ";
    assert!(report.looked_at.concat().starts_with(said), "{report:?}");
}

#[test]
fn numbers_that_contradict_each_other_are_found() {
    let found = findings(|table| table.timings.handler_budget = table.timings.ack_deadline);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("HANDLER_BUDGET_SECONDS (60 s) must be less than"));
}

#[test]
fn waits_that_end_with_the_lease_are_found_and_longer_ones_are_not() {
    let lease = Timings::PRODUCTION.lease;
    let wait = |wait| {
        findings(|table| {
            table.redelivery.max_attempts = 2;
            table.redelivery.backoff.min = wait;
        })
    };
    let found = wait(lease);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("2 deliveries are 60 s apart in all, and a lease is 60 s"));
    assert_eq!(wait(lease + Duration::from_secs(1)), [""; 0]);
}

#[test]
fn names_and_ports_that_come_twice_are_found() {
    let twice =
        |name, port| findings_of(&[&consumer("crm", 8083, ALL), &consumer(name, port, ALL)]);
    assert_eq!(twice("mail", 8083), ["port 8083 comes twice"]);
    assert_eq!(twice("mail", PUBSUB_PORT), ["port 8085 comes twice"]);
    assert_eq!(twice("mail", CONSOLE_PORT), ["port 8090 comes twice"]);
    assert_eq!(twice(PUBSUB, 8084), ["name pubsub comes twice"]);
    assert_eq!(twice(CONSOLE, 8084), ["name console comes twice"]);
    assert_eq!(
        twice("crm-dead-letters", 8084),
        ["subscription user-events-crm-dead-letters comes twice"]
    );
}

#[test]
fn a_topic_has_a_consumer_or_a_reason_and_not_both() {
    static DOMAINS: &[&Domain] = &[&user::DOMAIN, &RETURNS];
    let crm = consumer("crm", 8083, ALL);
    let services = [&crm];
    let findings = |domains, unheard| {
        let table = Table {
            services: &services,
            domains,
            unheard,
            ..Table::of_the_code()
        };
        table.check().findings
    };
    assert_eq!(
        findings(DOMAINS, &[]),
        ["return-events: no consumer listens to it, and no reason is given"]
    );
    let explained = findings(DOMAINS, &[("return-events", "they are kept for later")]);
    assert_eq!(explained, [""; 0]);
    assert_eq!(
        findings(USERS, &[(user::TOPIC, "none yet")]),
        ["user-events: it has a consumer, and a reason why it has none: none yet"]
    );
}

#[test]
fn a_type_that_does_not_go_to_the_topic_is_found() {
    const ONE: &[Subscribed] = &[Subscribed {
        topic: user::TOPIC,
        types: &["user.created", "user.craeted"],
    }];
    assert_eq!(
        findings_of(&[&consumer("crm", 8083, ONE)]),
        ["crm: it handles user.craeted, a type that does not go to user-events"]
    );
}
