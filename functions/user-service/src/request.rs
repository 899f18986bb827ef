//! Reading requests: bodies with errors that say where, and the ids that tie things together.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use fanout_runtime::{IdGenerator, TraceContext};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::api_error::ApiError;

/// The longest `X-Request-Id` that is taken over.
const MAX_REQUEST_ID: usize = 128;

/// A JSON body as `T`. Fields that `T` does not know are ignored. serde's own messages are not
/// passed on: they quote what they found.
pub(crate) fn json_body<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, ApiError> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    if !content_type.is_some_and(|media| media == "application/json" || media.ends_with("+json")) {
        return Err(ApiError::NotJsonMedia);
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge,
        _ => ApiError::BodyIncomplete,
    })?;
    serde_json::from_slice(&body).map_err(|error| ApiError::NotJson {
        line: error.line(),
        column: error.column(),
    })
}

/// What ties together everything that follows from a request: its `X-Request-Id` if it is usable,
/// else its trace's id, else a new one.
pub(crate) fn correlation_id(
    headers: &HeaderMap,
    trace: Option<&TraceContext>,
    ids: &dyn IdGenerator,
) -> String {
    let usable = |value: &&str| {
        (1..=MAX_REQUEST_ID).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic())
    };
    headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .filter(usable)
        .or(trace.map(TraceContext::trace_id))
        .map_or_else(|| ids.new_id("req"), str::to_owned)
}
