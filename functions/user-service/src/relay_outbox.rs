//! `POST /outbox/relay`: for Cloud Scheduler, each minute.

use axum::Json;
use axum::extract::State;
use fanout_outbox::RelayReport;
use serde::Serialize;
use utoipa::ToSchema;

use crate::UserServiceDeps;
use crate::api_error::ApiError;

/// What the relay did.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"published": 3, "failed": 0, "remaining": 0, "oldest_age_seconds": 0}))]
pub(crate) struct Relayed {
    /// Events published now.
    published: u64,
    /// Subjects given up for now, because an event could not be published.
    failed: u64,
    /// Events that still wait.
    remaining: u64,
    /// Age of the oldest event that still waits; 0 if none does.
    oldest_age_seconds: u64,
}

/// Publish what waits in the outbox
#[utoipa::path(
    post,
    path = "/outbox/relay",
    operation_id = "relay_outbox",
    tag = "outbox",
    responses((status = 200, description = "What was done", body = Relayed))
)]
pub(crate) async fn relay_outbox(
    State(deps): State<UserServiceDeps>,
) -> Result<Json<Relayed>, ApiError> {
    let RelayReport {
        published,
        failed,
        remaining,
        oldest_age_seconds,
    } = deps.outbox.relay().await?;
    Ok(Json(Relayed {
        published,
        failed,
        remaining,
        oldest_age_seconds,
    }))
}
