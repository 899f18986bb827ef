//! `POST /tick`: one run of everything that is due, and its report.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fanout_outbox::{Outbox, RelayReport};
use fanout_runtime::error_chain;
use fanout_store::ReadError;
use fanout_web::Problem;
use serde::Serialize;
use tracing::error;

/// What one run has done.
#[derive(Serialize)]
struct Report {
    outbox: Relayed,
}

#[derive(Serialize)]
struct Relayed {
    /// Events published now.
    published: u64,
    /// Subjects given up for now, because an event could not be published.
    failed: u64,
    /// Events that still wait.
    remaining: u64,
    /// Age of the oldest event that still waits; 0 if none does.
    oldest_age_seconds: u64,
}

pub(crate) async fn tick(State(outbox): State<Outbox>) -> Response {
    let report = match outbox.relay().await {
        Ok(report) => report,
        Err(error) => {
            error!(
                error = error_chain(&error),
                "the outbox could not be relayed"
            );
            return Problem::from(&ReadError::Store(error)).into_response();
        }
    };
    let RelayReport {
        published,
        failed,
        remaining,
        oldest_age_seconds,
    } = report;
    let outbox = Relayed {
        published,
        failed,
        remaining,
        oldest_age_seconds,
    };
    Json(Report { outbox }).into_response()
}
