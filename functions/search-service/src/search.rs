//! `GET /search?q=`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, State};
use fanout_web::{Problem, required_parameter};
use serde::{Deserialize, Serialize};

use crate::index::{Entry, SearchIndex};

#[derive(Deserialize)]
pub(crate) struct Asked {
    q: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Found {
    results: Vec<Entry>,
}

pub(crate) async fn search(
    State(index): State<Arc<dyn SearchIndex>>,
    query: Result<UrlQuery<Asked>, QueryRejection>,
) -> Result<Json<Found>, Problem> {
    let asked = required_parameter(query, "q", |asked| asked.q)?;
    let results = index.find(&asked).await.map_err(Problem::unread)?;
    Ok(Json(Found { results }))
}
