//! `GET /metrics`: what has been counted, for Prometheus.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use fanout_bus_local::{Backlog, Broker};
use fanout_runtime::{Clock, error_chain};
use fanout_telemetry::{Metrics, Waiting};
use fanout_web::Problem;
use http::header::CONTENT_TYPE;
use tracing::error;

/// Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Counted {
    metrics: Metrics,
    /// Whose subscriptions wait; on Google's emulators nothing tells.
    broker: Option<Broker>,
    clock: Arc<dyn Clock>,
}

/// The route, over what has been counted and, on the embedded engine, what waits in its broker.
pub fn metrics_route(metrics: Metrics, broker: Option<Broker>, clock: Arc<dyn Clock>) -> Router {
    let counted = Counted {
        metrics,
        broker,
        clock,
    };
    let routes = Router::new().route("/metrics", get(show));
    routes.with_state(counted)
}

async fn show(State(counted): State<Counted>) -> Response {
    let backlogs = match &counted.broker {
        Some(broker) => broker.backlogs().await,
        None => Ok(Default::default()),
    };
    let backlogs = match backlogs {
        Ok(backlogs) => backlogs,
        Err(cause) => {
            let error = error_chain(&cause);
            error!(error, "the backlog of subscriptions could not be read");
            return Problem::unavailable().into_response();
        }
    };
    let now = counted.clock.now();
    let waiting = |(subscription, Backlog { messages, oldest })| Waiting {
        subscription,
        messages,
        oldest: (now - oldest).to_std().unwrap_or_default(),
    };
    let waiting: Vec<Waiting> = backlogs.into_iter().map(waiting).collect();
    ([(CONTENT_TYPE, TEXT)], counted.metrics.text(&waiting)).into_response()
}
