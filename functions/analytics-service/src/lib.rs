//! The analytics service: counts sign-ups per UTC day, each exactly once.

mod count_signups;
mod record_signup;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_events::UserCreated;
use fanout_messaging::consume::{Consumer, ConsumerDeps, push_route};

pub use count_signups::CountSignups;
pub use record_signup::{RecordSignup, SIGNUPS};

/// The consumer's name.
pub const NAME: &str = "analytics";
/// The event types it wants.
pub const HANDLES: &[&str] = &[UserCreated::TYPE];

/// The consumer, for [`push_route`].
pub fn consumer() -> Consumer {
    Consumer::in_store(NAME, HANDLES, RecordSignup)
}

/// The service's routes.
pub fn app(deps: ConsumerDeps) -> Router {
    let counts = CountSignups {
        documents: Arc::clone(&deps.documents),
        clock: Arc::clone(&deps.clock),
    };
    Router::new()
        .route("/signups", get(count_signups::count_signups))
        .with_state(counts)
        .merge(push_route(consumer(), deps))
}
