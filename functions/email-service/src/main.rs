//! The email service's container: settings, adapters, router, nothing else.

use std::process::ExitCode;
use std::sync::Arc;

use email_service::{EmailServiceDeps, app};
use fanout_google_cloud::ConsumerSettings;
use fanout_mail::{Letterhead, SmtpLimits, SmtpMailer, SmtpServer};
use fanout_runtime::Settings;
use fanout_web::{Service, run_service};

fn main() -> ExitCode {
    run_service(
        "email-service",
        read,
        |settings: EmailSettings| async move {
            let drain = settings.consumer.timings().drain;
            let consumer = settings.consumer.connect("email-service").await?;
            let outbox = consumer.outbox.clone();
            Ok(Service::new(app(EmailServiceDeps {
                consumer,
                mailer: Arc::new(SmtpMailer::new(settings.server, SmtpLimits::PRODUCTION)?),
                letterhead: settings.letterhead,
            }))
            .drain(drain)
            .on_stop(async move { outbox.drain().await }))
        },
    )
}

struct EmailSettings {
    consumer: ConsumerSettings,
    server: SmtpServer,
    letterhead: Letterhead,
}

fn read(settings: &mut Settings<'_>) -> Option<EmailSettings> {
    let consumer = ConsumerSettings::read(settings);
    let server = SmtpServer::read(settings);
    let letterhead = Letterhead::read(settings, None);
    Some(EmailSettings {
        consumer: consumer?,
        server: server?,
        letterhead: letterhead?,
    })
}
