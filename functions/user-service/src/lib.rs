//! The user service: signs users up, keeps them, and publishes what happens to them.

mod address;
mod api_error;
mod change_conflict;
mod delete_user;
mod get_user;
mod openapi;
mod request;
mod request_schema;
mod sign_up;
mod stored_user;
mod update_user;
mod user;
mod user_events;
mod version_tag;

use std::sync::Arc;

use axum::{Extension, Router};
use fanout_kernel::{Limits, Role, ServiceSpec};
use fanout_openapi::Description;
use fanout_outbox::Outbox;
use fanout_runtime::{Clock, IdGenerator};
use fanout_store::Documents;
use fanout_web::{Service, health_route, with_correlation, with_fallbacks};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use user::{USER_EMAILS, USERS};

/// The service's name: the source of its events.
pub const NAME: &str = "user-service";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: NAME,
    system: Some("sign-up"),
    port: 8080,
    look_at: "/users",
    publishes: &[fanout_contracts::user::TOPIC],
    subscriber: None,
    collections: &[USERS, USER_EMAILS, fanout_web::IDEMPOTENCY_KEYS],
    env: &[],
    secrets: &[],
    limits: Limits {
        max_instances: 20,
        ..Limits::USUAL
    },
    public: true,
    build: |_, _| {
        Some(Role::new(|kernel| {
            Ok(Service::new(app(UserServiceDeps {
                documents: kernel.documents,
                outbox: kernel.outbox,
                clock: kernel.clock,
                ids: kernel.ids,
            })))
        }))
    },
};

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
    let (routes, document) = OpenApiRouter::with_openapi(openapi::Frame::openapi())
        .routes(routes!(sign_up::sign_up))
        .routes(routes!(
            get_user::get_user,
            update_user::update_user,
            delete_user::delete_user
        ))
        .routes(routes!(fanout_openapi::get_openapi))
        .split_for_parts();
    let description = Description::new(document, openapi::OPERATIONS);
    let routes = with_fallbacks(routes.merge(health_route())).layer(Extension(description));
    with_correlation(routes, Arc::clone(&deps.ids)).with_state(deps)
}
