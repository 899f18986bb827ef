//! `GET /search?q=`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, State};
use fanout_store::Documents;
use fanout_web::{Problem, required_parameter};
use serde::{Deserialize, Serialize};

use crate::index::{Entry, find};

#[derive(Deserialize)]
pub(crate) struct Asked {
    q: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Found {
    results: Vec<Entry>,
}

pub(crate) async fn search(
    State(documents): State<Arc<dyn Documents>>,
    query: Result<UrlQuery<Asked>, QueryRejection>,
) -> Result<Json<Found>, Problem> {
    let asked = required_parameter(query, "q", |asked| asked.q)?;
    let results = find(documents.as_ref(), &asked).await;
    let results = results.map_err(Problem::unread)?;
    Ok(Json(Found { results }))
}
