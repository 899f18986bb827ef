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
            Ok(Service::new(app(EmailServiceDeps {
                consumer: settings.consumer.connect().await?,
                mailer: Arc::new(SmtpMailer::new(settings.server, SmtpLimits::PRODUCTION)?),
                letterhead: settings.letterhead,
            }))
            .drain(drain))
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
