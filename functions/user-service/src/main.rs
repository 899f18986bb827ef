//! The user service's container: settings, adapters, router, nothing else.

use std::process::ExitCode;
use std::sync::Arc;

use fanout_google_cloud::{GoogleCloud, GoogleCloudSettings, TopicName};
use fanout_outbox::Outbox;
use fanout_runtime::{Settings, SystemClock, SystemIds};
use fanout_web::{Service, run_service};
use user_service::{UserServiceDeps, app};

struct Config {
    google_cloud: GoogleCloudSettings,
    topic: TopicName,
}

fn main() -> ExitCode {
    run_service("user-service", read, |config: Config| async move {
        let GoogleCloud {
            documents,
            publisher,
        } = config.google_cloud.connect().await?;
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        let outbox = Outbox::new(
            Arc::clone(&documents),
            publisher,
            clock.clone(),
            ids.clone(),
            config.topic.into(),
        );
        let (relays, last_events) = (outbox.clone(), outbox.clone());
        let deps = UserServiceDeps {
            documents,
            outbox,
            clock,
            ids,
        };
        Ok(Service::new(app(deps))
            .on_shutdown(move || relays.stop_relaying())
            .on_stop(async move { last_events.drain().await }))
    })
}

fn read(settings: &mut Settings<'_>) -> Option<Config> {
    let google_cloud = GoogleCloudSettings::read(settings);
    let topic = settings.required("USER_EVENTS_TOPIC", TopicName::EXPECTS);
    Some(Config {
        google_cloud: google_cloud?,
        topic: topic?,
    })
}
