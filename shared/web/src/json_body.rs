//! Bodies that are JSON and say so.

use axum::body::{Body, Bytes};
use http::{HeaderMap, StatusCode};

use crate::{BodyFault, Problem, is_encoded, media_type, read_body};

/// Reads a body that says that it is JSON, of at most `limit` bytes; whether it is JSON is for the
/// caller to see.
pub async fn read_json_body(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Bytes, Problem> {
    let is_json = |media: &str| media == "application/json" || media.ends_with("+json");
    if !media_type(headers).is_some_and(|media| is_json(&media)) {
        return Err(Problem::not_json_media());
    }
    if is_encoded(headers) {
        return Err(Problem::encoded());
    }
    let read = read_body(body, limit).await;
    read.map_err(|fault| Problem::of_body(fault, limit))
}

impl Problem {
    /// 415: the body does not say that it is JSON.
    pub fn not_json_media() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body must be JSON",
            "Send the header `Content-Type: application/json`.",
        )
    }

    /// 415: the body is compressed or the like.
    pub fn encoded() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_encoding",
            "The body must not be encoded",
            "Send it as it is, without the header `Content-Encoding`.",
        )
    }

    /// Why a body was not taken that may have this many bytes.
    pub fn of_body(fault: BodyFault, limit: usize) -> Self {
        match fault {
            BodyFault::TooLarge => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body is too large",
                format!("Send at most {limit} bytes."),
            ),
            BodyFault::NoRoom => Self::unavailable(),
            BodyFault::Incomplete => Self::new(
                StatusCode::BAD_REQUEST,
                "body_incomplete",
                "The body is incomplete",
                "The connection ended before the body did.",
            ),
        }
    }
}
