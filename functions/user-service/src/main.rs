//! The user service's container: settings, adapters, router, nothing else.

use std::process::ExitCode;
use std::sync::Arc;

use fanout_google_cloud::GoogleCloudSettings;
use fanout_runtime::{SystemClock, SystemIds};
use fanout_web::{Service, run_service};
use user_service::{NAME, UserServiceDeps, app};

fn main() -> ExitCode {
    run_service(NAME, GoogleCloudSettings::read, |settings| async move {
        let google_cloud = settings.connect().await?;
        let outbox = google_cloud.outbox(NAME);
        let (relays, last_events) = (outbox.clone(), outbox.clone());
        let deps = UserServiceDeps {
            documents: google_cloud.documents,
            outbox,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        };
        Ok(Service::new(app(deps))
            .on_shutdown(move || relays.stop_relaying())
            .on_stop(async move { last_events.drain().await }))
    })
}
