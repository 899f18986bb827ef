//! `POST /projections/{name}/{verb}`: an operator's word, over HTTP. Private.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use fanout_runtime::error_chain;
use fanout_store::CommitError;
use fanout_web::{Problem, read_json_body, read_json_object};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tracing::error;

use crate::rebuilds::{RebuildError, Rebuilds};
use crate::shown::Shown;

/// How large a request may be.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// For how long a request works on what it has begun: a small read model is done when it answers. The
/// ticker goes on with it.
const AT_ONCE: Duration = Duration::from_secs(10);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ask {
    accept_missing: bool,
}

/// The route of a service's projections.
pub fn projections_route(rebuilds: Rebuilds) -> Router {
    Router::new()
        .route("/projections/{name}/{verb}", post(operate))
        .with_state(rebuilds)
}

async fn operate(
    State(rebuilds): State<Rebuilds>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Shown>, Problem> {
    let Path((name, verb)) = path.map_err(|_| Problem::no_such_path())?;
    // A web page can send other media without being asked first.
    let body = read_json_body(&headers, body, MAX_BODY_BYTES).await?;
    let ask: Ask = read_json_object(&body).map_err(|_| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The request cannot be read",
            "Send an object: {} or {\"accept_missing\": true}.",
        )
    })?;
    let moved = match verb.as_str() {
        "rebuild" => rebuilds.begin(&name, ask.accept_missing).await,
        "rollback" => rebuilds.roll_back(&name).await,
        "cancel" => rebuilds.cancel(&name).await,
        _ => return Err(Problem::no_such_path()),
    };
    moved.map_err(|error| refusal(&name, error))?;
    rebuilds.advance(AT_ONCE).await;
    let standing = rebuilds.standing(&name).await;
    let standing = standing.map_err(|error| refusal(&name, error))?;
    Ok(Json(Shown::of(standing)))
}

fn refusal(projection: &str, error: RebuildError) -> Problem {
    let failed = |problem| {
        let error = error_chain(&error);
        error!(projection, error, "a projection could not be moved");
        problem
    };
    match &error {
        RebuildError::NoSuchProjection => Problem::new(
            StatusCode::NOT_FOUND,
            "projection_not_found",
            "There is no such projection",
            error.to_string(),
        ),
        RebuildError::NoWayBack => Problem::new(
            StatusCode::CONFLICT,
            "no_way_back",
            "The projection cannot go back",
            error.to_string(),
        ),
        RebuildError::NothingBuilt => Problem::new(
            StatusCode::CONFLICT,
            "nothing_built",
            "There is nothing to cancel",
            error.to_string(),
        ),
        RebuildError::Read(error) => failed(Problem::from(error)),
        RebuildError::Busy
        | RebuildError::Event(_)
        | RebuildError::Commit(
            CommitError::Conflict(_) | CommitError::Contention(_) | CommitError::Store(_),
        ) => failed(Problem::unavailable()),
    }
}
