//! The inventory service: keeps the stock, and reserves it for orders, never more than there is.

mod first_stock;
mod get_stock;
mod put_stock;
mod reservation;
mod reserve_items;
mod ship_items;
mod stock;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::inventory::{self, ReleaseRequested, ReservationRequested};
use fanout_contracts::shipping::{self, ShipmentCreated};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_processes::Fences;
use fanout_web::with_fallbacks;

pub use first_stock::stock_first_products;
pub use reservation::RESERVATIONS;
pub use stock::STOCK;

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
    collections: &[RESERVATIONS, STOCK],
    env: &[],
    secrets: &[],
    limits: Limits::USUAL,
    public: false,
    build: |_, _| Some(Role::reacting(&SUBSCRIBER, app)),
};

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
    ],
};

/// The consumer, for [`push_route`].
pub fn consumer(deps: &ConsumerDeps) -> Consumer {
    let fences = Fences::of(NAME, deps);
    Consumer::named(NAME)
        .on::<ReservationRequested>(fences.doing(ReserveItems))
        .on::<ReleaseRequested>(fences.undoing(ReserveItems))
        .on::<ShipmentCreated>(ShipItems)
}

/// The service's routes.
pub fn app(deps: ConsumerDeps) -> Router {
    let routes = Router::new()
        .route(
            "/stock/{product_id}",
            get(get_stock::get_stock).put(put_stock::put_stock),
        )
        .with_state(Arc::clone(&deps.documents))
        .merge(push_route(consumer(&deps), deps));
    with_fallbacks(routes)
}
