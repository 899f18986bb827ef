//! The table of services, and what follows from it: topics, subscriptions, collections, and what
//! Terraform is told.

mod flows;
mod manifest;
mod topology;

use std::collections::BTreeSet;
use std::sync::Arc;

use fanout_kernel::{ServiceSpec, Subscriber};
use fanout_processes::{Machine, Owned, Pace, Processes};
use fanout_projections::{Freshness, Owned as OwnedProjection, Projection, Projections};
use fanout_store::Collection;

/// What the bank's streams are the events of.
pub use account_service::Account;
pub use flows::{filter, wants};
/// What a new shop has in stock, and how a product's stock lies.
pub use inventory_service::{
    Division, MOST_SHARDS, divided, division_of, shard_stock, stock_first_products,
};
pub use manifest::manifest;
/// What a trace of an order begins with.
pub use order_service::{OrderFlow, PROCESSES as ORDER_PROCESSES};
/// What keeps the bank's daily roots.
pub use ticker::daily_roots;
pub use topology::{Redelivery, deployed, topology};
/// What a trace of a user begins with.
pub use user_service::USERS;

/// All services. A new one is a folder in `functions/`, a dependency of this package, and a line
/// here.
pub static SERVICES: &[&ServiceSpec] = &[
    &user_service::SERVICE,
    &email_service::SERVICE,
    &analytics_service::SERVICE,
    &crm_service::SERVICE,
    &order_service::SERVICE,
    &inventory_service::SERVICE,
    &payment_service::SERVICE,
    &shipping_service::SERVICE,
    &search_service::SERVICE,
    &account_service::SERVICE,
    &post_service::SERVICE,
    &feed_service::SERVICE,
];

/// Who keeps the shop's stock.
pub static STOCK_KEEPER: &ServiceSpec = &inventory_service::SERVICE;

/// A process whose deadlines come at a pace.
type MadeAt = fn(Pace) -> Arc<dyn Machine>;

/// A projection.
type Made = fn() -> Projection;

/// The processes, each with the service that owns it; every version that may have open instances.
static PROCESSES: &[(&ServiceSpec, MadeAt)] = &[
    (&order_service::SERVICE, order_service::order_process),
    (&order_service::SERVICE, order_service::choreographed_order),
];

/// The projections, each with the service that owns it.
static PROJECTIONS: &[(&ServiceSpec, Made)] = &[(&feed_service::SERVICE, feed_service::projection)];

/// What serves every system, in a container of its own.
pub static TICKER: &ServiceSpec = &ticker::SERVICE;

/// What the kernel keeps for every service.
static KERNEL_COLLECTIONS: &[&Collection] = &[
    fanout_dedup::PROCESSED_EVENTS,
    fanout_event_sourcing::AUDIT_ROOTS,
    fanout_outbox::EVENTS,
    fanout_outbox::OUTBOX_CURSORS,
    fanout_outbox::OUTBOX_LEASES,
    fanout_processes::PROCESSES,
    fanout_processes::STEP_FENCES,
    fanout_projections::PROJECTIONS,
];

/// The system that is the main job: it runs wherever any does.
pub const MAIN_SYSTEM: &str = "sign-up";

/// The names of all systems, in the table's order.
pub fn systems() -> Vec<&'static str> {
    let mut names = Vec::new();
    for name in SERVICES.iter().filter_map(|spec| spec.system) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What a container can be started as.
pub fn roles() -> impl Iterator<Item = &'static ServiceSpec> {
    SERVICES.iter().copied().chain([TICKER])
}

/// The role of this name.
pub fn role(name: &str) -> Option<&'static ServiceSpec> {
    roles().find(|spec| spec.name == name)
}

/// The processes of services that are `wanted`, whose deadlines come at this pace.
pub fn processes(pace: Pace, wanted: impl Fn(&ServiceSpec) -> bool) -> Processes {
    let owned = PROCESSES.iter().filter(|(spec, _)| wanted(spec));
    let owned = owned.map(|(spec, process)| Owned {
        service: spec.name,
        machine: process(pace),
    });
    Processes::of(owned.collect())
}

/// The projections of services that are `wanted`, whose generations are known so freshly.
pub fn projections(freshness: Freshness, wanted: impl Fn(&ServiceSpec) -> bool) -> Projections {
    let owned = PROJECTIONS.iter().filter(|(spec, _)| wanted(spec));
    let owned = owned.map(|(spec, projection)| OwnedProjection {
        service: spec.name,
        projection: projection(),
    });
    Projections::of(owned.collect(), freshness)
}

/// All consumers, in the table's order.
pub fn consumers() -> impl Iterator<Item = &'static Subscriber> {
    SERVICES.iter().filter_map(|spec| spec.subscriber.as_ref())
}

/// The consumer of this name.
pub fn consumer(name: &str) -> Option<&'static Subscriber> {
    consumers().find(|subscriber| subscriber.consumer == name)
}

/// All topics that events are published on or expected from.
pub fn topics() -> BTreeSet<&'static str> {
    let published = SERVICES
        .iter()
        .flat_map(|spec| spec.publishes.iter().copied());
    let heard = consumers().flat_map(|subscriber| subscriber.topics);
    published
        .chain(heard.map(|subscribed| subscribed.topic))
        .collect()
}

/// All collections, by name.
pub fn collections() -> BTreeSet<&'static Collection> {
    let own = SERVICES.iter().flat_map(|spec| spec.collections);
    own.chain(KERNEL_COLLECTIONS).copied().collect()
}
