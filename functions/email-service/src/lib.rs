//! The email service: welcomes every user with one mail.

mod eml_mailer;
mod list_emails;
mod mailer;
mod send_welcome_email;
mod sent_email;
mod smtp_mailer;
mod welcome_mail;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_events::UserCreated;
use fanout_messaging::consume::{Consumer, ConsumerDeps, push_route};

pub use eml_mailer::EmlMailer;
pub use mailer::{Mail, MailError, Mailer};
pub use send_welcome_email::SendWelcomeEmail;
pub use sent_email::EMAILS;
pub use smtp_mailer::{SmtpMailer, SmtpSettings};
pub use welcome_mail::Sender;

/// The consumer's name.
pub const NAME: &str = "email";
/// The event types it wants.
pub const HANDLES: &[&str] = &[UserCreated::TYPE];

/// What the email service needs.
#[derive(Clone)]
pub struct EmailServiceDeps {
    /// What every consumer needs.
    pub consumer: ConsumerDeps,
    /// How mails leave.
    pub mailer: Arc<dyn Mailer>,
    /// Who they come from.
    pub from: Sender,
}

/// The consumer, for [`push_route`].
pub fn consumer(deps: &EmailServiceDeps) -> Consumer {
    let effect = SendWelcomeEmail {
        mailer: Arc::clone(&deps.mailer),
        clock: Arc::clone(&deps.consumer.clock),
        from: deps.from.clone(),
    };
    Consumer::outside(NAME, HANDLES, effect)
}

/// The service's routes.
pub fn app(deps: EmailServiceDeps) -> Router {
    Router::new()
        .route("/emails", get(list_emails::list_emails))
        .with_state(Arc::clone(&deps.consumer.documents))
        .merge(push_route(consumer(&deps), deps.consumer))
}
