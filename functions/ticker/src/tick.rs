//! `POST /tick`: one run of everything that is due, and its report.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fanout_event_sourcing::DailyRoots;
use fanout_outbox::{Outbox, RelayReport};
use fanout_processes::{Engine, WakeReport};
use fanout_runtime::error_chain;
use fanout_store::{ReadError, StoreError};
use fanout_web::Problem;
use serde::Serialize;
use tracing::{error, info};

#[derive(Serialize)]
struct Report {
    outbox: RelayReport,
    processes: WakeReport,
}

/// Neither waits for the other: a bus that is away must not hold up deadlines.
pub(crate) async fn tick(
    State((outbox, engine, roots)): State<(Outbox, Engine, Option<DailyRoots>)>,
) -> Response {
    let (relayed, woken, ()) =
        tokio::join!(outbox.relay(), engine.wake_due(), keep_root(roots.as_ref()));
    let relayed = logged(relayed, "the outbox could not be relayed");
    let woken = logged(woken, "the processes could not be woken");
    match (relayed, woken) {
        (Ok(outbox), Ok(processes)) => Json(Report { outbox, processes }).into_response(),
        (Err(problem), _) | (_, Err(problem)) => problem.into_response(),
    }
}

/// The next minute tries again; nothing else depends on it.
async fn keep_root(roots: Option<&DailyRoots>) {
    let Some(roots) = roots else { return };
    match roots.keep().await {
        Ok(true) => info!("the root of yesterday's events was written"),
        Ok(false) => {}
        Err(error) => error!(
            error = error_chain(&error),
            "the root of yesterday's events could not be written"
        ),
    }
}

fn logged<R>(answer: Result<R, StoreError>, failed: &'static str) -> Result<R, Problem> {
    answer.map_err(|error| {
        error!(error = error_chain(&error), "{failed}");
        Problem::from(&ReadError::Store(error))
    })
}
