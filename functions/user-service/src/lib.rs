//! The user service: signs users up, keeps them, and publishes what happens to them.

mod api_error;
mod get_user;
mod relay_outbox;
mod request;
mod sign_up;
mod user;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use fanout_messaging::outbox::Outbox;
use fanout_runtime::{Clock, IdGenerator, health_route};
use fanout_store::Documents;

pub use user::{USER_EMAILS, USERS};

/// The largest request body.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What the user service needs.
#[derive(Clone)]
pub struct UserServiceDeps {
    /// Where users live.
    pub documents: Arc<dyn Documents>,
    /// How events leave.
    pub outbox: Outbox,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids of users, events and requests.
    pub ids: Arc<dyn IdGenerator>,
}

/// The service's routes.
pub fn app(deps: UserServiceDeps) -> Router {
    Router::new()
        .route("/users", post(sign_up::sign_up))
        .route("/users/{id}", get(get_user::get_user))
        .route("/outbox/relay", post(relay_outbox::relay_outbox))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(deps)
        .merge(health_route())
}
