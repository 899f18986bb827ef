//! A consumer to start from: it counts each user's events. The README says how to make another of it.
//!
//! Deduplication, retries, parking and logs are the pipeline's. What is here is the effect.

mod count_event;
mod get_count;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::user::UserCreated;
use fanout_events::EventType as _;
use fanout_web::with_fallbacks;

pub use count_event::{COUNTS, CountEvent};

/// The consumer's name: part of its marks, its subscription and its dead-letter topic.
pub const NAME: &str = "template";
/// The event types it wants, as the rest of the system needs to know them.
pub const HANDLES: &[&str] = &[UserCreated::TYPE];

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
