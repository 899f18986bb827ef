//! The inventory service: keeps the stock, and reserves it for orders, never more than there is.

mod first_stock;
mod follow_order;
mod get_stock;
mod put_stock;
mod reservation;
mod reserve_items;
mod shard_stock;
mod shards;
mod ship_items;
mod stock;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::inventory::{self, ReleaseRequested, ReservationRequested, Reserved};
use fanout_contracts::order::{self, OrderCreated};
use fanout_contracts::payment::{self, Declined, Refunded};
use fanout_contracts::shipping::{self, ShipmentCreated};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_processes::{Fences, Reacting};
use fanout_web::with_fallbacks;

pub use first_stock::stock_first_products;
pub use reservation::RESERVATIONS;
pub use shard_stock::{Division, MOST_SHARDS, NotDivided, Part, divided, division_of, shard_stock};
pub use stock::{STOCK, STOCK_SHARDS};

use follow_order::{release, reserve};
use reserve_items::ReserveItems;
use ship_items::ShipItems;

/// The consumer's name.
pub const NAME: &str = "inventory";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: "inventory-service",
    system: Some("shop"),
    port: 8002,
    look_at: "/stock/1",
    publishes: &[inventory::TOPIC],
    subscriber: Some(SUBSCRIBER),
    collections: &[RESERVATIONS, STOCK, STOCK_SHARDS],
    env: &[],
    secrets: &[],
    limits: Limits::USUAL,
    public: false,
    build: |_, _| Some(Role::reacting(&SUBSCRIBER, app)),
};

/// Topics of which it wants only what is said of orders whose participants react to each other.
pub const OF_CHOREOGRAPHED: &[&str] = &[order::TOPIC, payment::TOPIC];

const SUBSCRIBER: Subscriber = Subscriber {
    consumer: NAME,
    topics: &[
        Subscribed {
            topic: inventory::TOPIC,
            types: &[ReservationRequested::TYPE, ReleaseRequested::TYPE],
        },
        Subscribed {
            topic: shipping::TOPIC,
            types: &[ShipmentCreated::TYPE],
        },
        Subscribed {
            topic: order::TOPIC,
            types: &[OrderCreated::TYPE],
        },
        Subscribed {
            topic: payment::TOPIC,
            types: &[Declined::TYPE, Refunded::TYPE],
        },
    ],
};

/// The consumer, for [`push_route`].
pub fn consumer(deps: &ConsumerDeps) -> Consumer {
    let fences = Fences::of(NAME, deps);
    let (doing, undoing) = (
        || fences.doing(ReserveItems),
        || fences.undoing(ReserveItems),
    );
    let created = Reacting::to(reserve, doing()).telling::<Reserved, _>("order", |it| Some(it));
    Consumer::named(NAME)
        // Where a process asks.
        .on::<ReservationRequested>(doing())
        .on::<ReleaseRequested>(undoing())
        // Where participants react to each other.
        .on::<OrderCreated>(created)
        .on::<Declined>(Reacting::to(release::<Declined>, undoing()))
        .on::<Refunded>(Reacting::to(release::<Refunded>, undoing()))
        // In both.
        .on::<ShipmentCreated>(ShipItems)
}

/// The service's routes.
pub fn app(deps: ConsumerDeps) -> Router {
    let routes = Router::new()
        .route(
            "/stock/{product_id}",
            get(get_stock::get_stock).put(put_stock::put_stock),
        )
        .route(
            "/stock/{product_id}/shards",
            get(shard_stock::get_shards).post(shard_stock::post_shards),
        )
        .with_state(Arc::clone(&deps.documents))
        .merge(push_route(consumer(&deps), deps));
    with_fallbacks(routes)
}
