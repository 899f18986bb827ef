//! `POST /outbox/relay`: for Cloud Scheduler, each minute.

use axum::Json;
use axum::extract::State;
use fanout_messaging::outbox::RelayReport;

use crate::UserServiceDeps;
use crate::api_error::ApiError;

pub(crate) async fn relay_outbox(
    State(deps): State<UserServiceDeps>,
) -> Result<Json<RelayReport>, ApiError> {
    Ok(Json(deps.outbox.relay().await?))
}
