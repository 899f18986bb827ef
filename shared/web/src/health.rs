//! The routes that start-up and liveness probes ask.

use axum::Router;
use axum::routing::get;

/// Answered while the service is still being made, too.
pub(crate) const HEALTH: &str = "/health";

/// `GET /health`: 200 as soon as the process serves. It asks no dependency: a store that is down
/// is no reason to restart the process. (`/healthz` is taken by Google's front end on run.app.)
///
/// `GET /started`: 200 once the service is made, so once its store has been reached; until then the
/// answer waits, as every other does.
pub fn health_route<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(HEALTH, get(ok))
        .route("/started", get(ok))
}

async fn ok() -> &'static str {
    "ok\n"
}
