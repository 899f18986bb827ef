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

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use clap::Parser as _;
    use fanout_bus::{OutgoingMessage, Publisher as _};
    use fanout_runtime::{SystemClock, SystemIds};
    use fanout_store_sqlite::Database;
    use http::StatusCode;

    use super::*;
    use crate::cli::Cli;

    /// What is shown of a broker in which one message waits.
    #[tokio::test]
    async fn it_shows_what_was_counted_and_what_waits() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("db")).unwrap();
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
        let broker = Broker::open(database, clock, ids, "test".to_owned());
        let broker = broker.await.unwrap();
        let flags = Cli::parse_from(["fanout"]).up;
        let topology = system::topology(flags.delivery.redelivery(), |_| None);
        broker.set_up(&topology).await.unwrap();
        let message = OutgoingMessage {
            data: "{}".into(),
            ..OutgoingMessage::default()
        };
        let publisher = broker.publisher();
        publisher.publish("user-events", message).await.unwrap();
        let counted = Counted {
            metrics: Metrics::default(),
            broker: Some(broker),
            clock: Arc::new(SystemClock),
        };
        let answer = show(State(counted)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[CONTENT_TYPE], TEXT);
        let text = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        let waits = "\nfanout_subscription_waiting{subscription=\"user-events-crm\"} 1\n";
        assert!(text.contains(waits), "{text}");
        assert!(
            text.contains("# TYPE fanout_deliveries_total counter"),
            "{text}"
        );
    }
}
