//! The search service: finds orders and posts by what is in them.

mod index;
mod index_order;
mod index_post;
mod postings;
mod search;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::order::{self, OrderCreated};
use fanout_contracts::post::{self, PostCreated, PostDeleted};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_web::with_fallbacks;

pub use index::{Entry, SearchIndex};
pub use postings::{Postings, SEARCH_POSTINGS};

use index_order::IndexOrder;
use index_post::IndexPost;

/// The consumer's name.
pub const NAME: &str = "search";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: "search-service",
    system: Some("shop"),
    port: 8006,
    look_at: "/search?q=",
    publishes: &[],
    subscriber: Some(SUBSCRIBER),
    collections: &[SEARCH_POSTINGS],
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
            topic: order::TOPIC,
            types: &[OrderCreated::TYPE],
        },
        Subscribed {
            topic: post::TOPIC,
            types: &[PostCreated::TYPE, PostDeleted::TYPE],
        },
    ],
};

/// The consumer, for [`push_route`].
pub fn consumer(index: Arc<dyn SearchIndex>) -> Consumer {
    let posts = IndexPost(Arc::clone(&index));
    Consumer::named(NAME)
        .on::<OrderCreated>(IndexOrder(index))
        .on::<PostCreated>(posts.clone())
        .on::<PostDeleted>(posts)
}

/// The service's routes.
pub fn app(deps: ConsumerDeps) -> Router {
    let index: Arc<dyn SearchIndex> = Arc::new(Postings::new(Arc::clone(&deps.documents)));
    let routes = Router::new()
        .route("/search", get(search::search))
        .with_state(Arc::clone(&index))
        .merge(push_route(consumer(index), deps));
    with_fallbacks(routes)
}
