//! The email service's container: settings, adapters, router, nothing else.

use std::process::ExitCode;
use std::sync::Arc;

use email_service::{EmailServiceDeps, SmtpMailer, SmtpSettings, app};
use fanout_messaging::google_cloud::ConsumerSettings;
use fanout_runtime::{Service, Settings, run_service};

fn main() -> ExitCode {
    run_service(
        "email-service",
        read,
        |(consumer, smtp): (ConsumerSettings, SmtpSettings)| async move {
            let from = smtp.from.clone();
            let drain = consumer.timings().drain;
            Ok(Service::new(app(EmailServiceDeps {
                consumer: consumer.connect().await?,
                mailer: Arc::new(SmtpMailer::new(smtp)?),
                from,
            }))
            .drain(drain))
        },
    )
}

fn read(settings: &mut Settings<'_>) -> Option<(ConsumerSettings, SmtpSettings)> {
    let consumer = ConsumerSettings::read(settings);
    let smtp = SmtpSettings::read(settings);
    consumer.zip(smtp)
}
