//! The consumer's container: settings, adapters, router, nothing else.

use std::process::ExitCode;

use consumer_template::app;
use fanout_google_cloud::ConsumerSettings;
use fanout_web::{Service, run_service};

fn main() -> ExitCode {
    run_service(
        "consumer-template",
        ConsumerSettings::read,
        |settings: ConsumerSettings| async move {
            let drain = settings.timings().drain;
            let deps = settings.connect("consumer-template").await?;
            let outbox = deps.outbox.clone();
            Ok(Service::new(app(deps))
                .drain(drain)
                .on_stop(async move { outbox.drain().await }))
        },
    )
}
