//! The feed service: keeps a row for each post in each of its readers' feeds, and reads them.

mod backfill;
mod item;
mod older_posts;
mod position;
mod read_feed;
mod spread;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use fanout_consume::{ConsumerDeps, push_route};
use fanout_contracts::post::{self as contract, AuthorFollowed, SpreadRequested};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_projections::{Generations, Projection, Rebuilds, projections_route};
use fanout_web::with_fallbacks;

pub use item::{FEED_ITEMS, KEPT};

use item::StillInFeed;

/// The service's name.
pub const NAME: &str = "feed-service";

/// The projection's name, and its consumer's.
pub const FEED: &str = "feed";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: NAME,
    system: Some("social"),
    port: 8022,
    look_at: "/feeds/",
    publishes: &[],
    subscriber: Some(SUBSCRIBER),
    collections: &[FEED_ITEMS],
    env: &[],
    secrets: &[],
    limits: Limits::USUAL,
    public: false,
    build: |_, _| {
        Some(Role::new(|kernel| {
            let generations = kernel.generations_of(FEED);
            let rebuilds = kernel.rebuilds_of(NAME);
            let deps = kernel.consumer(&SUBSCRIBER)?;
            Ok(fanout_web::Service::new(app(deps, generations, rebuilds)))
        }))
    },
};

const SUBSCRIBER: Subscriber = Subscriber {
    consumer: FEED,
    topics: &[Subscribed {
        topic: contract::TOPIC,
        types: &[SpreadRequested::TYPE, AuthorFollowed::TYPE],
    }],
};

/// A day more than rows are kept: an event is recorded a little later than it happens.
const HISTORY: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// The feeds: who is shown which posts. What a post says, whether it is still there and whether its
/// author is still followed is looked up when a feed is read, so no change of that needs a row changed.
pub fn projection() -> Projection {
    Projection::named(FEED, &[FEED_ITEMS])
        .history(HISTORY)
        .on::<SpreadRequested, spread::Spread>()
        .on::<AuthorFollowed, backfill::Backfill>()
        .showing::<StillInFeed>()
}

/// The service's routes.
pub fn app(deps: ConsumerDeps, generations: Generations, rebuilds: Rebuilds) -> Router {
    let consumer = projection().consumer(Arc::clone(&deps.documents), generations.clone());
    let feeds = read_feed::Feeds {
        documents: Arc::clone(&deps.documents),
        clock: Arc::clone(&deps.clock),
        generations,
    };
    let routes = Router::new()
        .route("/feeds/{user_id}", get(read_feed::read_feed))
        .with_state(feeds)
        .merge(projections_route(rebuilds))
        .merge(push_route(consumer, deps));
    with_fallbacks(routes)
}
