//! `POST /outbox/{event_id}/skip`: an operator's word that an event is not to be published.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use fanout_outbox::{Outbox, SkipError};
use fanout_runtime::{Timestamp, error_chain, serialize_rfc3339};
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
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Answer>, Problem> {
    // An id that is not UTF-8 is no event's.
    let Path(event_id) = path.map_err(|_| refusal("", SkipError::Unknown))?;
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
    let (title, said) = ("The event cannot be skipped", error.to_string());
    match error {
        SkipError::Unknown => Problem::new(
            StatusCode::NOT_FOUND,
            "event_not_found",
            "There is no such event",
            said,
        ),
        SkipError::Published(_) => {
            Problem::new(StatusCode::CONFLICT, "event_published", title, said)
        }
        SkipError::Busy => Problem::new(StatusCode::CONFLICT, "line_busy", title, said),
        SkipError::Reason => Problem::invalid_field("reason", said),
        SkipError::Read(cause) => {
            error!(event_id, error = error_chain(&cause), "not skipped");
            Problem::from(&cause)
        }
    }
}
