//! `POST /outbox/{event_id}/skip`: an operator's word that an event is not to be published.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use fanout_outbox::{Outbox, SkipError};
use fanout_runtime::{Timestamp, error_chain, serialize_rfc3339};
use fanout_store::{CommitError, ReadError};
use fanout_web::{Problem, read_json_body};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use tracing::error;

/// How large a request may be.
const MAX_BODY_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct Ask {
    reason: String,
}

#[derive(Serialize)]
pub(crate) struct Answer {
    event_id: String,
    #[serde(serialize_with = "serialize_rfc3339")]
    skipped_at: Timestamp,
    skip_reason: String,
}

pub(crate) async fn skip_event(
    State(outbox): State<Outbox>,
    Path(event_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Answer>, Problem> {
    let Ask { reason } = read(&headers, body).await?;
    let skipped = outbox.skip(&event_id, &reason).await;
    let skipped = skipped.map_err(|error| refusal(&event_id, error))?;
    Ok(Json(Answer {
        event_id,
        skipped_at: skipped.at,
        skip_reason: skipped.reason,
    }))
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Ask, Problem> {
    // A web page can send other media without being asked first.
    let body = read_json_body(headers, body, MAX_BODY_BYTES).await?;
    serde_json::from_slice(&body).map_err(|_| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The request cannot be read",
            "Send {\"reason\": \"...\"}.",
        )
    })
}

fn refusal(event_id: &str, error: SkipError) -> Problem {
    let conflict = |slug, error: &SkipError| {
        let title = "The event cannot be skipped";
        Problem::new(StatusCode::CONFLICT, slug, title, error.to_string())
    };
    let cause = error_chain(&error);
    match error {
        SkipError::Unknown => Problem::new(
            StatusCode::NOT_FOUND,
            "event_not_found",
            "There is no such event",
            error.to_string(),
        ),
        SkipError::Published(_) => conflict("event_published", &error),
        SkipError::Busy => conflict("line_busy", &error),
        SkipError::Reason => Problem::invalid_field("reason", error.to_string()),
        SkipError::Read(error) => failed(event_id, &cause, &error),
        SkipError::Commit(CommitError::Store(error)) => {
            failed(event_id, &cause, &ReadError::Store(error))
        }
        SkipError::Commit(CommitError::Conflict(_) | CommitError::Contention(_)) => {
            error!(event_id, error = cause, "not skipped");
            Problem::unavailable()
        }
    }
}

fn failed(event_id: &str, cause: &str, error: &ReadError) -> Problem {
    error!(event_id, error = cause, "not skipped");
    Problem::from(error)
}
