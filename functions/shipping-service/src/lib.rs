//! The shipping service: ships what was paid for, each order once.

mod follow_order;
mod list_shipments;
mod ship_order;
mod shipment;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::order::{self, OrderWithdrawn};
use fanout_contracts::payment::{self, Captured};
use fanout_contracts::shipping::{self, ShipmentRefused, ShipmentRequested};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_processes::{Fences, Reacting};
use fanout_web::with_fallbacks;

pub use shipment::SHIPMENTS;

use follow_order::{ship, ship_no_more};
use ship_order::ShipOrder;

/// The consumer's name.
pub const NAME: &str = "shipping";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: "shipping-service",
    system: Some("shop"),
    port: 8004,
    look_at: "/shipments?order_id=",
    publishes: &[shipping::TOPIC],
    subscriber: Some(SUBSCRIBER),
    collections: &[SHIPMENTS],
    env: &[],
    secrets: &[],
    limits: Limits::USUAL,
    public: false,
    build: |_, _| Some(Role::reacting(&SUBSCRIBER, app)),
};

/// Topics of which it wants only what is said of orders whose participants react to each other.
pub const OF_CHOREOGRAPHED: &[&str] = &[payment::TOPIC, order::TOPIC];

const SUBSCRIBER: Subscriber = Subscriber {
    consumer: NAME,
    topics: &[
        Subscribed {
            topic: shipping::TOPIC,
            types: &[ShipmentRequested::TYPE],
        },
        Subscribed {
            topic: payment::TOPIC,
            types: &[Captured::TYPE],
        },
        Subscribed {
            topic: order::TOPIC,
            types: &[OrderWithdrawn::TYPE],
        },
    ],
};

/// The consumer, for [`push_route`].
pub fn consumer(deps: &ConsumerDeps) -> Consumer {
    let fences = Fences::of(NAME, deps);
    let paid = Reacting::to(ship, fences.doing(ShipOrder));
    let paid = paid.telling::<ShipmentRefused, _>("order", |it: &Captured| it.order.as_deref());
    let withdrawn = Reacting::to(ship_no_more, fences.forestalling(ShipOrder));
    let withdrawn =
        withdrawn.telling::<ShipmentRefused, _>("order", |it: &OrderWithdrawn| Some(&it.order));
    Consumer::named(NAME)
        // Where a process asks.
        .on::<ShipmentRequested>(fences.doing(ShipOrder))
        // Where participants react to each other.
        .on::<Captured>(paid)
        .on::<OrderWithdrawn>(withdrawn)
}

/// The service's routes.
pub fn app(deps: ConsumerDeps) -> Router {
    let routes = Router::new()
        .route("/shipments", get(list_shipments::list_shipments))
        .with_state(Arc::clone(&deps.documents))
        .merge(push_route(consumer(&deps), deps));
    with_fallbacks(routes)
}
