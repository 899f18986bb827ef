//! The email service: welcomes every user with one mail, and keeps nothing of one who has gone.

mod forget_recipient;
mod list_emails;
mod recipient;
mod send_welcome_email;
mod sent_email;
mod welcome_mail;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::user::{UserCreated, UserDeleted};
use fanout_events::EventType as _;
use fanout_mail::{Letterhead, Mailer};
use fanout_web::with_fallbacks;

pub use recipient::EMAIL_RECIPIENTS;
pub use sent_email::EMAILS;

use forget_recipient::ForgetRecipient;
use send_welcome_email::SendWelcomeEmail;

/// The consumer's name.
pub const NAME: &str = "email";
/// The event types it wants, as the rest of the system needs to know them.
pub const HANDLES: &[&str] = &[UserCreated::TYPE, UserDeleted::TYPE];

/// What the email service needs.
#[derive(Clone)]
pub struct EmailServiceDeps {
    /// What every consumer needs.
    pub consumer: ConsumerDeps,
    /// How mails leave.
    pub mailer: Arc<dyn Mailer>,
    /// What they all carry.
    pub letterhead: Letterhead,
}

/// The consumer, for [`push_route`].
pub fn consumer(deps: &EmailServiceDeps) -> Consumer {
    let welcome = SendWelcomeEmail {
        mailer: Arc::clone(&deps.mailer),
        clock: Arc::clone(&deps.consumer.clock),
        letterhead: deps.letterhead.clone(),
    };
    Consumer::named(NAME)
        .acting_on::<UserCreated>(welcome)
        .on::<UserDeleted>(ForgetRecipient)
}

/// The service's routes.
pub fn app(deps: EmailServiceDeps) -> Router {
    let routes = Router::new()
        .route("/emails", get(list_emails::list_emails))
        .with_state(Arc::clone(&deps.consumer.documents))
        .merge(push_route(consumer(&deps), deps.consumer));
    with_fallbacks(routes)
}
