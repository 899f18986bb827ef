//! The CRM service: keeps one contact per user.

mod contact;
mod get_contact;
mod list_contacts;
mod page_token;
mod upsert_contact;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::user::{self, UserCreated, UserDeleted, UserUpdated};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_web::with_fallbacks;

pub use contact::CONTACTS;
pub use upsert_contact::UpsertContact;

/// The consumer's name.
pub const NAME: &str = "crm";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: "crm-service",
    system: Some("sign-up"),
    port: 8083,
    look_at: "/contacts/",
    publishes: &[],
    subscriber: Some(SUBSCRIBER),
    collections: &[CONTACTS],
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
        types: &[UserCreated::TYPE, UserUpdated::TYPE, UserDeleted::TYPE],
    }],
};

/// The consumer, for [`push_route`].
pub fn consumer() -> Consumer {
    Consumer::named(NAME)
        .on::<UserCreated>(UpsertContact)
        .on::<UserUpdated>(UpsertContact)
        .on::<UserDeleted>(UpsertContact)
}

/// The service's routes.
pub fn app(deps: ConsumerDeps) -> Router {
    let routes = Router::new()
        .route("/contacts", get(list_contacts::list_contacts))
        .route("/contacts/{user_id}", get(get_contact::get_contact))
        .with_state(Arc::clone(&deps.documents))
        .merge(push_route(consumer(), deps));
    with_fallbacks(routes)
}
