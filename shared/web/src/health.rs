//! The route that start-up and liveness probes ask.

use axum::Router;
use axum::routing::get;

/// `GET /health`: 200 as soon as the process serves. It asks no dependency: a store that is down
/// is no reason to restart the process. (`/healthz` is taken by Google's front end on run.app.)
pub fn health_route<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/health", get(async || "ok\n"))
}
