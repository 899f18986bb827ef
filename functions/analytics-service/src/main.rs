//! The analytics service's container: settings, adapters, router, nothing else.

use std::process::ExitCode;

use analytics_service::{AnalyticsServiceDeps, Shards, app};
use fanout_google_cloud::ConsumerSettings;
use fanout_runtime::Settings;
use fanout_web::{Service, run_service};

fn main() -> ExitCode {
    run_service(
        "analytics-service",
        read,
        |(consumer, shards): (ConsumerSettings, Shards)| async move {
            let drain = consumer.timings().drain;
            let consumer = consumer.connect("analytics-service").await?;
            let outbox = consumer.outbox.clone();
            Ok(Service::new(app(AnalyticsServiceDeps { consumer, shards }))
                .drain(drain)
                .on_stop(async move { outbox.drain().await }))
        },
    )
}

fn read(settings: &mut Settings<'_>) -> Option<(ConsumerSettings, Shards)> {
    let consumer = ConsumerSettings::read(settings);
    let shards = Shards::read(settings);
    consumer.zip(shards)
}
