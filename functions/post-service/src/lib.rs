//! The post service: takes posts, and who follows whom; and has each post shown to its author's
//! followers, a part of them at a time.

mod create_post;
mod delete_post;
mod follow_author;
mod posts;
mod request;
mod spread_post;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, post, put};
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::post::{self as contract, PostCreated};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_posts::{FOLLOWS, POSTS};
use fanout_web::{IDEMPOTENCY_KEYS, with_correlation, with_fallbacks};

use posts::Posts;
pub use spread_post::{IN_ONE_COMMIT, SpreadPost};

/// The service's name: the source of its events.
pub const NAME: &str = "post-service";

/// Its consumer's name.
pub const CONSUMER: &str = "post";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: NAME,
    system: Some("social"),
    port: 8021,
    look_at: "/health",
    publishes: &[contract::TOPIC],
    subscriber: Some(SUBSCRIBER),
    collections: &[POSTS, FOLLOWS, IDEMPOTENCY_KEYS],
    env: &[],
    secrets: &[],
    limits: Limits::USUAL,
    public: false,
    build: |_, _| Some(Role::reacting(&SUBSCRIBER, app)),
};

const SUBSCRIBER: Subscriber = Subscriber {
    consumer: CONSUMER,
    topics: &[Subscribed {
        topic: contract::TOPIC,
        types: &[PostCreated::TYPE],
    }],
};

/// The consumer, for [`push_route`].
pub fn consumer() -> Consumer {
    Consumer::named(CONSUMER).on::<PostCreated>(SpreadPost)
}

/// The service's routes.
pub fn app(deps: ConsumerDeps) -> Router {
    let ids = Arc::clone(&deps.ids);
    let following = put(follow_author::follow_author).delete(follow_author::unfollow_author);
    let routes = Router::new()
        .route("/posts", post(create_post::create_post))
        .route("/posts/{id}", delete(delete_post::delete_post))
        .route("/users/{follower}/following/{followee}", following)
        .with_state(Posts::of(&deps));
    let routes = with_correlation(routes, ids).merge(push_route(consumer(), deps));
    with_fallbacks(routes)
}
