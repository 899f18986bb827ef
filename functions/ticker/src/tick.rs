//! `POST /tick`: one run of everything that is due, and its report.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fanout_event_sourcing::DailyRoots;
use fanout_outbox::{Outbox, RelayReport};
use fanout_processes::{Engine, WakeReport};
use fanout_projections::{RebuildReport, Rebuilds};
use fanout_runtime::error_chain;
use fanout_store::{ReadError, StoreError};
use fanout_web::Problem;
use serde::Serialize;
use tracing::{error, info};

use crate::Kept;

#[derive(Serialize)]
struct Report {
    outbox: RelayReport,
    processes: WakeReport,
    projections: RebuildReport,
}

/// Neither waits for the other: a bus that is away must not hold up deadlines. Each ends by itself
/// before Cloud Run cuts the request, so that there is a report.
pub(crate) async fn tick(State((outbox, engine, kept)): State<(Outbox, Engine, Kept)>) -> Response {
    let (relayed, woken, projections, ()) = tokio::join!(
        outbox.relay(),
        engine.wake_due(),
        advance(kept.rebuilds.as_ref()),
        keep_roots(kept.roots.as_ref())
    );
    let relayed = logged(relayed, "the outbox could not be relayed");
    let woken = logged(woken, "the processes could not be woken");
    match (relayed, woken) {
        (Ok(outbox), Ok(processes)) => {
            let report = Report {
                outbox,
                processes,
                projections,
            };
            Json(report).into_response()
        }
        (Err(problem), _) | (_, Err(problem)) => problem.into_response(),
    }
}

async fn advance(rebuilds: Option<&Rebuilds>) -> RebuildReport {
    match rebuilds {
        Some(rebuilds) => rebuilds.advance(Rebuilds::RUN_LIMIT).await,
        None => RebuildReport::default(),
    }
}

/// The next minute tries again; nothing else depends on it.
async fn keep_roots(roots: Option<&DailyRoots>) {
    let Some(roots) = roots else { return };
    match roots.keep(DailyRoots::RUN_LIMIT).await {
        Ok(true) => info!("the daily roots of the events are written up to yesterday's"),
        Ok(false) => {}
        Err(error) => error!(
            error = error_chain(&error),
            "the daily roots of the events could not be kept"
        ),
    }
}

fn logged<R>(answer: Result<R, StoreError>, failed: &'static str) -> Result<R, Problem> {
    answer.map_err(|error| {
        error!(error = error_chain(&error), "{failed}");
        Problem::from(&ReadError::Store(error))
    })
}
