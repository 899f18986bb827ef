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
use fanout_contracts::user::{UserCreated, UserDeleted, UserUpdated};
use fanout_events::EventType as _;
use fanout_web::with_fallbacks;

pub use contact::CONTACTS;
pub use upsert_contact::UpsertContact;

/// The consumer's name.
pub const NAME: &str = "crm";
/// The event types it wants, as the rest of the system needs to know them.
pub const HANDLES: &[&str] = &[UserCreated::TYPE, UserUpdated::TYPE, UserDeleted::TYPE];

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
