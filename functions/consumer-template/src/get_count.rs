//! `GET /counts/{user_id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use fanout_store::{Documents, ReadError};
use fanout_web::Problem;
use serde::Serialize;

use crate::count_event::count_key;

#[derive(Serialize)]
pub(crate) struct Count {
    user_id: String,
    count: u64,
}

pub(crate) async fn get_count(
    State(documents): State<Arc<dyn Documents>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Count>, Problem> {
    // An id that is not UTF-8 is nobody's.
    let Path(user_id) = path.map_err(|_| Problem::no_such_path())?;
    let count = read_count(documents.as_ref(), &user_id).await;
    let count = count.map_err(Problem::unread)?;
    Ok(Json(Count { user_id, count }))
}

/// 0 for a user nobody has heard of.
async fn read_count(documents: &dyn Documents, user_id: &str) -> Result<u64, ReadError> {
    Ok(match documents.get(&count_key(user_id)).await? {
        Some(counted) => counted.fields.count("count")?,
        None => 0,
    })
}
