//! The analytics service: counts sign-ups and sales per UTC day, each exactly once.

mod asked;
mod count_sales;
mod count_signups;
mod record_sale;
mod record_signup;
mod shards;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::order::{self, OrderConfirmed};
use fanout_contracts::user::{self, UserCreated};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_web::with_fallbacks;

pub use record_sale::SALES;
pub use record_signup::{RecordSignup, SIGNUPS, SIGNUPS_BY_SOURCE};
pub use shards::Shards;

use record_sale::RecordSale;

/// The consumer's name.
pub const NAME: &str = "analytics";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: "analytics-service",
    system: Some("sign-up"),
    port: 8082,
    look_at: "/signups",
    publishes: &[],
    subscriber: Some(SUBSCRIBER),
    collections: &[SALES, SIGNUPS, SIGNUPS_BY_SOURCE],
    env: &[("SIGNUP_SHARDS", "16")],
    secrets: &[],
    limits: Limits::USUAL,
    public: false,
    build: |settings, _| {
        let shards = Shards::read(settings)?;
        Some(Role::reacting(&SUBSCRIBER, move |deps| app(deps, shards)))
    },
};

const SUBSCRIBER: Subscriber = Subscriber {
    consumer: NAME,
    topics: &[
        Subscribed {
            topic: user::TOPIC,
            types: &[UserCreated::TYPE],
        },
        Subscribed {
            topic: order::TOPIC,
            types: &[OrderConfirmed::TYPE],
        },
    ],
};

/// The consumer, for [`push_route`]. Users who leave stay counted, so it does not ask for them.
pub fn consumer(shards: Shards) -> Consumer {
    Consumer::named(NAME)
        .on::<UserCreated>(RecordSignup { shards })
        .on::<OrderConfirmed>(RecordSale { shards })
}

/// The service's routes.
pub fn app(deps: ConsumerDeps, shards: Shards) -> Router {
    let counts = (Arc::clone(&deps.documents), Arc::clone(&deps.clock));
    let routes = Router::new()
        .route("/signups", get(count_signups::count_signups))
        .route("/sales", get(count_sales::count_sales))
        .with_state(counts)
        .merge(push_route(consumer(shards), deps));
    with_fallbacks(routes)
}
