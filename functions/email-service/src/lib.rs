//! The email service: welcomes every user with one mail, tells users what became of their orders, and
//! keeps nothing of one who has gone.

mod forget_recipient;
mod learn_address;
mod list_emails;
mod mail_route;
mod mails;
mod order_mail;
mod recipient;
mod send_order_cancelled;
mod send_order_confirmation;
mod send_welcome_email;
mod sent_email;
mod welcome_mail;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::mail::{self, ConfirmationRequested};
use fanout_contracts::order::{self, OrderCancelled};
use fanout_contracts::user::{self, UserCreated, UserDeleted, UserUpdated};
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Place, Role, ServiceSpec, Subscribed, Subscriber};
use fanout_mail::{Letterhead, Mailer};
use fanout_processes::Fences;
use fanout_runtime::Settings;
use fanout_web::{Service, with_fallbacks};

pub use recipient::EMAIL_RECIPIENTS;
pub use sent_email::EMAILS;

use forget_recipient::ForgetRecipient;
use learn_address::LearnAddress;
use mail_route::MailRoute;
use mails::Mails;
use send_order_cancelled::SendOrderCancelled;
use send_order_confirmation::SendOrderConfirmation;
use send_welcome_email::SendWelcomeEmail;

/// The consumer's name.
pub const NAME: &str = "email";

/// The service, in the table of services.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: "email-service",
    system: Some("sign-up"),
    port: 8081,
    look_at: "/emails?user_id=",
    publishes: &[mail::TOPIC],
    subscriber: Some(SUBSCRIBER),
    collections: &[EMAILS, EMAIL_RECIPIENTS],
    env: &[],
    secrets: &[("SMTP_URL", "smtp-url")],
    limits: Limits::USUAL,
    public: false,
    build,
};

const SUBSCRIBER: Subscriber = Subscriber {
    consumer: NAME,
    topics: &[
        Subscribed {
            topic: user::TOPIC,
            types: &[UserCreated::TYPE, UserUpdated::TYPE, UserDeleted::TYPE],
        },
        Subscribed {
            topic: order::TOPIC,
            types: &[OrderCancelled::TYPE],
        },
        Subscribed {
            topic: mail::TOPIC,
            types: &[ConfirmationRequested::TYPE],
        },
    ],
};

fn build(settings: &mut Settings<'_>, place: &Place) -> Option<Role> {
    let MailRoute {
        letterhead,
        mailer,
        note,
    } = MailRoute::read(settings, place)?;
    let role = Role::new(move |kernel| {
        let deps = EmailServiceDeps {
            consumer: kernel.consumer(&SUBSCRIBER)?,
            mailer: mailer.open()?,
            letterhead,
        };
        Ok(Service::new(app(deps)))
    });
    Some(role.noting(note))
}

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
    let mails = Mails {
        mailer: Arc::clone(&deps.mailer),
        clock: Arc::clone(&deps.consumer.clock),
        letterhead: deps.letterhead.clone(),
    };
    let fences = Fences::of(NAME, &deps.consumer);
    let confirmation = fences.doing_outside(SendOrderConfirmation(mails.clone()));
    Consumer::named(NAME)
        .acting_on::<UserCreated>(SendWelcomeEmail(mails.clone()))
        .on::<UserUpdated>(LearnAddress)
        .on::<UserDeleted>(ForgetRecipient)
        .acting_on::<OrderCancelled>(SendOrderCancelled(mails))
        .acting_on::<ConfirmationRequested>(confirmation)
}

/// The service's routes.
pub fn app(deps: EmailServiceDeps) -> Router {
    let routes = Router::new()
        .route("/emails", get(list_emails::list_emails))
        .with_state(Arc::clone(&deps.consumer.documents))
        .merge(push_route(consumer(&deps), deps.consumer));
    with_fallbacks(routes)
}
