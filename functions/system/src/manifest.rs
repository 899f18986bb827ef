//! What Terraform is told: `terraform/system.auto.tfvars.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use fanout_kernel::ServiceSpec;
use fanout_runtime::Timings;
use fanout_store::{Collection, Direction, Order};
use serde::Serialize;

use crate::{Redelivery, collections, filter, roles, topics};

/// Terraform's variables, by name. Fields stand in the order of the alphabet.
#[derive(Serialize)]
struct Manifest {
    collections: BTreeMap<&'static str, Told>,
    delivery: Delivery,
    services: BTreeMap<&'static str, Deployed>,
}

/// What Firestore has to be told of a collection.
#[derive(Serialize)]
struct Told {
    automatic_indexes: bool,
    expires_by: Option<&'static str>,
    /// A field that falls has ` desc` behind its name.
    indexes: Vec<Vec<String>>,
}

#[derive(Serialize)]
struct Delivery {
    ack_deadline_seconds: u64,
    dead_letter_retention_days: u64,
    handler_budget_seconds: u64,
    lease_seconds: u64,
    mark_retention_days: u64,
    max_delivery_attempts: u32,
    maximum_backoff_seconds: u64,
    minimum_backoff_seconds: u64,
    retention_days: u64,
}

/// One service of Cloud Run.
#[derive(Serialize)]
struct Deployed {
    concurrency: u32,
    consumer: Option<&'static str>,
    cpu: &'static str,
    env: BTreeMap<&'static str, &'static str>,
    /// By topic, of subscriptions that want a part of it only.
    filters: BTreeMap<&'static str, String>,
    max_instances: u32,
    memory: &'static str,
    public: bool,
    publishes: Vec<&'static str>,
    secrets: BTreeMap<&'static str, &'static str>,
    subscribes: Vec<&'static str>,
    system: Option<&'static str>,
}

/// The file's text.
pub fn manifest() -> Result<String, serde_json::Error> {
    let told = collections();
    let told = told.into_iter().filter(|it| Told::is_needed(it));
    let manifest = Manifest {
        collections: told.map(|it| (it.name, Told::of(it))).collect(),
        delivery: Delivery::of(&Timings::PRODUCTION, &Redelivery::PRODUCTION),
        services: roles().map(|it| (it.name, Deployed::of(it))).collect(),
    };
    Ok(serde_json::to_string_pretty(&manifest)? + "\n")
}

impl Told {
    /// Whether Firestore would do anything else by itself.
    fn is_needed(collection: &Collection) -> bool {
        collection.indexes.iter().any(|index| index.len() > 1)
            || !collection.automatic_indexes
            || collection.expires_by.is_some()
    }

    fn of(collection: &Collection) -> Self {
        let field = |by: &Order| match by.direction {
            Direction::Ascending => by.field.to_owned(),
            Direction::Descending => format!("{} desc", by.field),
        };
        let fields = |index: &&[Order]| index.iter().map(field).collect();
        Self {
            automatic_indexes: collection.automatic_indexes,
            expires_by: collection.expires_by,
            indexes: collection.indexes.iter().map(fields).collect(),
        }
    }
}

impl Delivery {
    fn of(timings: &Timings, redelivery: &Redelivery) -> Self {
        let days = |duration: Duration| duration.as_secs() / (24 * 60 * 60);
        Self {
            ack_deadline_seconds: timings.ack_deadline.as_secs(),
            dead_letter_retention_days: days(timings.dead_letter_retention),
            handler_budget_seconds: timings.handler_budget.as_secs(),
            lease_seconds: timings.lease.as_secs(),
            mark_retention_days: days(timings.mark_lifetime),
            max_delivery_attempts: redelivery.max_attempts,
            maximum_backoff_seconds: redelivery.backoff.max.as_secs(),
            minimum_backoff_seconds: redelivery.backoff.min.as_secs(),
            retention_days: days(timings.retention),
        }
    }
}

impl Deployed {
    fn of(spec: &ServiceSpec) -> Self {
        let subscribed = spec.subscriber.iter().flat_map(|it| it.topics);
        // What belongs to no system serves the topics of all.
        let publishes = match spec.system {
            Some(_) => spec.publishes.to_vec(),
            None => topics().into_iter().collect(),
        };
        let filters = subscribed.clone().filter_map(|it| {
            let filter = filter(spec.subscriber?.consumer, it.topic)?;
            Some((it.topic, filter))
        });
        let filters = filters.collect();
        Self {
            concurrency: spec.limits.concurrency,
            consumer: spec.subscriber.map(|it| it.consumer),
            cpu: spec.limits.cpu,
            env: spec.env.iter().copied().collect(),
            filters,
            max_instances: spec.limits.max_instances,
            memory: spec.limits.memory,
            public: spec.public,
            publishes,
            secrets: spec.secrets.iter().copied().collect(),
            subscribes: subscribed.map(|it| it.topic).collect(),
            system: spec.system,
        }
    }
}
