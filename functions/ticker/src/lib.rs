//! The ticker: what must happen each minute, for all services. Cloud Run gives no CPU between
//! requests, so Cloud Scheduler asks for it. And an operator's word on what it relays.

mod skip_event;
mod tick;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use fanout_contracts::account::AccountOpened;
use fanout_event_sourcing::DailyRoots;
use fanout_events::EventType as _;
use fanout_kernel::{Limits, Role, ServiceSpec};
use fanout_outbox::Outbox;
use fanout_processes::Engine;
use fanout_projections::Rebuilds;
use fanout_root_copies::CopiesPlace;
use fanout_runtime::{Clock, Settings};
use fanout_store::Documents;
use fanout_web::{Service, health_route, with_fallbacks};

/// The service, beside the table of services: it belongs to every system. On one machine the runner
/// ticks by itself, too.
pub static SERVICE: ServiceSpec = ServiceSpec {
    name: "ticker",
    system: None,
    port: 8089,
    look_at: "/health",
    publishes: &[],
    subscriber: None,
    collections: &[],
    env: &[],
    secrets: &[],
    limits: Limits {
        concurrency: 4,
        max_instances: 1,
        ..Limits::USUAL
    },
    public: false,
    build: |settings, _| {
        let copies = copies_place(settings)?;
        Some(Role::new(move |kernel| {
            let outbox = kernel.outbox.clone();
            let (engine, rebuilds) = (kernel.engine_of_all(), kernel.rebuilds_of_all());
            let roots = daily_roots(kernel.documents, kernel.clock);
            let roots = match copies {
                Some(place) => roots.copied_to(place.open()?),
                None => roots,
            };
            let kept = Kept {
                roots: Some(roots.clone()),
                rebuilds: Some(rebuilds.clone()),
            };
            let routes = app_keeping(kernel.outbox, engine, kept);
            // A run that is under way ends between two rows, processes or commits, with its report.
            Ok(Service::new(routes).on_shutdown(move || {
                outbox.stop_relaying();
                rebuilds.stop();
                roots.stop();
            }))
        }))
    },
};

/// Reads `AUDIT_COPIES`: where daily roots are copied to, if they are. `None` only after a fault.
fn copies_place(settings: &mut Settings<'_>) -> Option<Option<CopiesPlace>> {
    let expects = CopiesPlace::EXPECTS;
    let place = settings.optional_as("AUDIT_COPIES", expects, CopiesPlace::parse);
    place.map(Some).or(None)
}

/// What keeps the daily roots over the accounts' events.
pub fn daily_roots(documents: Arc<dyn Documents>, clock: Arc<dyn Clock>) -> DailyRoots {
    DailyRoots::new(documents, clock, AccountOpened::TYPE)
}

/// What else a tick sees to.
#[derive(Clone, Default)]
pub struct Kept {
    /// The daily roots, where a bank is.
    pub roots: Option<DailyRoots>,
    /// The projections, where there are some.
    pub rebuilds: Option<Rebuilds>,
}

/// The service's routes, where neither a bank nor projections are.
pub fn app(outbox: Outbox, engine: Engine) -> Router {
    app_keeping(outbox, engine, Kept::default())
}

/// The service's routes.
pub fn app_keeping(outbox: Outbox, engine: Engine, kept: Kept) -> Router {
    let ticking =
        Router::new()
            .route("/tick", post(tick::tick))
            .with_state((outbox.clone(), engine, kept));
    let routes = Router::new()
        .route("/outbox/{event_id}/skip", post(skip_event::skip_event))
        .with_state(outbox)
        .merge(ticking)
        .merge(health_route());
    with_fallbacks(routes)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn copies_are_made_where_they_are_asked_for_and_a_place_that_is_none_is_a_fault() {
        let read = |text: &str| {
            let set = HashMap::from([("AUDIT_COPIES".to_owned(), text.to_owned())]);
            let mut settings = Settings::new(&set);
            let place = copies_place(&mut settings);
            settings.finish(place).map_err(|error| error.faults.len())
        };
        assert_eq!(read(""), Ok(None));
        let bucket = CopiesPlace::Bucket("my-project-audit".to_owned());
        assert_eq!(read("gs://my-project-audit"), Ok(Some(bucket)));
        assert_eq!(read("gs://"), Err(1));
    }
}
