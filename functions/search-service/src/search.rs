//! `GET /search?q=`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, State};
use axum::response::{IntoResponse, Response};
use fanout_runtime::error_chain;
use fanout_store::Documents;
use fanout_web::{Problem, required_parameter};
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::index::{Entry, find};

#[derive(Deserialize)]
pub(crate) struct Asked {
    q: Option<String>,
}

#[derive(Serialize)]
struct Found {
    results: Vec<Entry>,
}

pub(crate) async fn search(
    State(documents): State<Arc<dyn Documents>>,
    query: Result<UrlQuery<Asked>, QueryRejection>,
) -> Response {
    let asked = match required_parameter(query, "q", |asked| asked.q) {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    match find(documents.as_ref(), &asked).await {
        Ok(results) => Json(Found { results }).into_response(),
        Err(cause) => {
            error!(error = error_chain(&cause), "the search failed");
            Problem::from(&cause).into_response()
        }
    }
}
