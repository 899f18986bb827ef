//! Every error answer of the service, and the one map from it to a status.

use axum::response::{IntoResponse, Response};
use fanout_runtime::{FieldError, Problem, error_chain};
use fanout_store::{BoxError, StoreError};
use http::StatusCode;
use tracing::error;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("the request's media type is not JSON")]
    NotJsonMedia,
    #[error("the body is larger than {} bytes", crate::MAX_BODY_BYTES)]
    BodyTooLarge,
    #[error("the body could not be read to its end")]
    BodyIncomplete,
    #[error("the body is not the JSON expected: line {line}, column {column}")]
    NotJson { line: usize, column: usize },
    #[error("fields are not valid")]
    Invalid(Vec<FieldError>),
    #[error("the address belongs to another user")]
    EmailTaken,
    #[error("there is no such user")]
    NoSuchUser,
    #[error("a dependency failed")]
    Unavailable(#[source] BoxError),
    #[error("a fault of ours")]
    Internal(#[source] BoxError),
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Unavailable(error.into()),
            StoreError::Refused(_) => Self::Internal(error.into()),
        }
    }
}

impl ApiError {
    fn problem(&self) -> Problem {
        match self {
            Self::NotJsonMedia => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body must be JSON",
                "Send the header `Content-Type: application/json`.",
            ),
            Self::BodyTooLarge => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body is too large",
                format!("Send at most {} bytes.", crate::MAX_BODY_BYTES),
            ),
            Self::BodyIncomplete => Problem::new(
                StatusCode::BAD_REQUEST,
                "body_incomplete",
                "The body is incomplete",
                "The connection ended before the body did.",
            ),
            Self::NotJson { line, column } => Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed_json",
                "The body is not the JSON expected",
                format!(
                    "See line {line}, column {column}: it must be a JSON object with text fields."
                ),
            ),
            Self::Invalid(errors) => Problem::invalid_fields(errors.clone()),
            Self::EmailTaken => Problem::new(
                StatusCode::CONFLICT,
                "email_taken",
                "The e-mail address is taken",
                "Another user has signed up with this address.",
            ),
            Self::NoSuchUser => Problem::new(
                StatusCode::NOT_FOUND,
                "user_not_found",
                "There is no such user",
                "No user has this id, or it has been deleted.",
            ),
            Self::Unavailable(_) => Problem::unavailable(),
            Self::Internal(_) => Problem::internal(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Unavailable(cause) | Self::Internal(cause) = &self {
            error!(error = error_chain(cause.as_ref()), "a request failed");
        }
        self.problem().into_response()
    }
}
