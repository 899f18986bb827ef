//! `GET /counts/{user_id}`

use fanout_web::Problem;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use fanout_runtime::error_chain;
use fanout_store::{Documents, ReadError};
use serde::Serialize;
use tracing::error;

use crate::count_event::count_key;

#[derive(Serialize)]
struct Count {
    user_id: String,
    count: u64,
}

pub(crate) async fn get_count(
    State(documents): State<Arc<dyn Documents>>,
    Path(user_id): Path<String>,
) -> Response {
    match read_count(documents.as_ref(), &user_id).await {
        Ok(count) => Json(Count { user_id, count }).into_response(),
        Err(cause) => {
            error!(error = error_chain(&cause), "a count could not be read");
            Problem::from(&cause).into_response()
        }
    }
}

/// 0 for a user nobody has heard of.
async fn read_count(documents: &dyn Documents, user_id: &str) -> Result<u64, ReadError> {
    Ok(match documents.get(&count_key(user_id)).await? {
        Some(counted) => counted.fields.count("count")?,
        None => 0,
    })
}
