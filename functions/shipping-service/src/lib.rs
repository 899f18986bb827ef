//! The shipping service: ships what was paid for, each order once.

mod list_shipments;
mod ship_order;
mod shipment;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::shipping::{self, ShipmentRequested};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_processes::Fences;
use fanout_web::with_fallbacks;

pub use shipment::SHIPMENTS;

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

const SUBSCRIBER: Subscriber = Subscriber {
    consumer: NAME,
    topics: &[Subscribed {
        topic: shipping::TOPIC,
        types: &[ShipmentRequested::TYPE],
    }],
};

/// The consumer, for [`push_route`].
pub fn consumer(deps: &ConsumerDeps) -> Consumer {
    let fences = Fences::of(NAME, deps);
    Consumer::named(NAME).on::<ShipmentRequested>(fences.doing(ShipOrder))
}

/// The service's routes.
pub fn app(deps: ConsumerDeps) -> Router {
    let routes = Router::new()
        .route("/shipments", get(list_shipments::list_shipments))
        .with_state(Arc::clone(&deps.documents))
        .merge(push_route(consumer(&deps), deps));
    with_fallbacks(routes)
}
