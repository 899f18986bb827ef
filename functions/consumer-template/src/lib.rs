//! A consumer to start from: it counts each user's events. The README says how to make another of it.
//!
//! Deduplication, retries, parking and logs are the pipeline's. What is here is the effect.

mod count_event;
mod get_count;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::user::{self, UserCreated};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_web::with_fallbacks;

pub use count_event::{COUNTS, CountEvent};

/// The consumer's name: part of its marks, its subscription and its dead-letter topic.
pub const NAME: &str = "template";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: "template-service",
    system: Some("sign-up"),
    port: 8099,
    look_at: "/counts/",
    publishes: &[],
    subscriber: Some(SUBSCRIBER),
    collections: &[COUNTS],
    env: &[],
    secrets: &[],
    limits: Limits::USUAL,
    public: false,
    build: |_, _| Some(Role::reacting(&SUBSCRIBER, app)),
};

const SUBSCRIBER: Subscriber = Subscriber {
    consumer: NAME,
    topics: &[Subscribed {
        topic: user::TOPIC,
        types: &[UserCreated::TYPE],
    }],
};

/// The consumer, for [`push_route`].
pub fn consumer() -> Consumer {
    Consumer::named(NAME).on::<UserCreated>(CountEvent)
}

/// The service's routes.
pub fn app(deps: ConsumerDeps) -> Router {
    let routes = Router::new()
        .route("/counts/{user_id}", get(get_count::get_count))
        .with_state(Arc::clone(&deps.documents))
        .merge(push_route(consumer(), deps));
    with_fallbacks(routes)
}
