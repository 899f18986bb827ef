//! The ticker: what must happen each minute, for all services. Cloud Run gives no CPU between
//! requests, so Cloud Scheduler asks for it. And an operator's word on what it relays.

mod skip_event;
mod tick;

use axum::Router;
use axum::routing::post;
use fanout_kernel::{Limits, Role, ServiceSpec};
use fanout_outbox::Outbox;
use fanout_processes::Engine;
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
    build: |_, _| {
        Some(Role::new(|kernel| {
            let outbox = kernel.outbox.clone();
            let engine = kernel.engine_of_all();
            let service = Service::new(app(kernel.outbox, engine));
            // A run that is under way ends between two rows or processes, with its report.
            Ok(service.on_shutdown(move || outbox.stop_relaying()))
        }))
    },
};

/// The service's routes.
pub fn app(outbox: Outbox, engine: Engine) -> Router {
    let ticking = Router::new()
        .route("/tick", post(tick::tick))
        .with_state((outbox.clone(), engine));
    let routes = Router::new()
        .route("/outbox/{event_id}/skip", post(skip_event::skip_event))
        .with_state(outbox)
        .merge(ticking)
        .merge(health_route());
    with_fallbacks(routes)
}
