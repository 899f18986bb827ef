//! The one table of consumers. A new consumer is a folder in `functions/`, a dependency of this
//! package, and an entry here.

use std::path::PathBuf;

use axum::Router;
use email_service::EmailServiceDeps;
use fanout_consume::ConsumerDeps;
use fanout_contracts::user;

use crate::mail_route::MailRoute;

/// One consumer, as the rest of the system needs to know it.
pub struct ConsumerEntry {
    /// Its name: part of its subscription's name and of its marks.
    pub name: &'static str,
    /// The event types it wants.
    pub handles: &'static [&'static str],
    /// The port it listens on, on one machine.
    pub port: u16,
    /// A path to look at, for the welcome text.
    pub look_at: &'static str,
    /// Its routes, on one machine.
    pub app: fn(ConsumerDeps, &OneMachine) -> anyhow::Result<Router>,
}

/// What consumers may want of the machine that they all run on.
pub struct OneMachine {
    /// Where mails go.
    pub mail: MailRoute,
    /// Where mails are written that become files.
    pub mail_folder: PathBuf,
}

/// All consumers.
pub static CONSUMERS: &[ConsumerEntry] = &[
    ConsumerEntry {
        name: email_service::NAME,
        handles: email_service::HANDLES,
        port: 8081,
        look_at: "/emails?user_id=",
        app: email_app,
    },
    ConsumerEntry {
        name: analytics_service::NAME,
        handles: analytics_service::HANDLES,
        port: 8082,
        look_at: "/signups",
        app: |deps, _| Ok(analytics_service::app(deps)),
    },
    ConsumerEntry {
        name: crm_service::NAME,
        handles: crm_service::HANDLES,
        port: 8083,
        look_at: "/contacts/",
        app: |deps, _| Ok(crm_service::app(deps)),
    },
];

/// Mails become files on one machine, unless there is a mail server.
fn email_app(consumer: ConsumerDeps, machine: &OneMachine) -> anyhow::Result<Router> {
    Ok(email_service::app(EmailServiceDeps {
        consumer,
        mailer: machine.mail.mailer(&machine.mail_folder)?,
        letterhead: machine.mail.letterhead.clone(),
    }))
}

impl ConsumerEntry {
    /// The name of its subscription.
    pub fn subscription(&self) -> String {
        format!("{}-{}", user::TOPIC, self.name)
    }

    /// The name of its own dead-letter topic, and of the pull subscription on that.
    pub fn dead_letters(&self) -> String {
        format!("{}-{}-dead-letters", user::TOPIC, self.name)
    }
}
