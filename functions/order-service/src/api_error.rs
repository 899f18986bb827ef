//! Every error answer of the service, and the one map from it to a status.

use axum::response::{IntoResponse, Response};
use fanout_contracts::MOST_LINES;
use fanout_processes::EngineError;
use fanout_runtime::{BoxError, error_chain};
use fanout_store::{CommitError, ReadError, StoreError};
use fanout_web::{BodyFault, Cause, FieldError, InvalidIdempotencyKey, NotJson, Problem};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use crate::new_order::MAX_BODY_BYTES;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("the request is not plain JSON")]
    NotJsonMedia,
    #[error("the body is too large")]
    BodyTooLarge,
    #[error("the body could not be read to its end")]
    BodyIncomplete,
    #[error(transparent)]
    NotJson(#[from] NotJson),
    #[error("fields are not valid")]
    Invalid(Vec<FieldError>),
    #[error(transparent)]
    InvalidIdempotencyKey(#[from] InvalidIdempotencyKey),
    #[error("the Idempotency-Key belongs to another request")]
    IdempotencyKeyReused,
    #[error("others write the same documents all the time")]
    Contended,
    #[error("there is no such order")]
    NoSuchOrder,
    #[error("the order goes forward only")]
    PastPivot,
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

impl From<BodyFault> for ApiError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::BodyTooLarge,
            BodyFault::NoRoom => Self::Unavailable(fault.into()),
            BodyFault::Incomplete => Self::BodyIncomplete,
        }
    }
}

impl ApiError {
    /// A fault of ours.
    pub(crate) fn internal(cause: impl Into<BoxError>) -> Self {
        Self::Internal(cause.into())
    }

    /// What the engine says that is about no order in particular.
    pub(crate) fn of_engine(error: EngineError) -> Self {
        match error {
            EngineError::Read(ReadError::Store(error))
            | EngineError::Commit(CommitError::Store(error)) => error.into(),
            EngineError::UnknownVersion => Self::Unavailable(error.into()),
            EngineError::NoSuchProcess
            | EngineError::Refused(_)
            | EngineError::Busy
            | EngineError::Process(_)
            | EngineError::Read(ReadError::Malformed(_))
            | EngineError::Commit(CommitError::Conflict(_) | CommitError::Contention(_)) => {
                Self::internal(error)
            }
        }
    }

    #[allow(
        clippy::too_many_lines,
        reason = "the one table of all error answers reads best in one piece"
    )]
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::NotJsonMedia => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body must be plain JSON",
                "Send the header `Content-Type: application/json`, and no `Content-Encoding`.",
            ),
            Self::BodyTooLarge => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body is too large",
                format!("Send at most {MAX_BODY_BYTES} bytes and {MOST_LINES} items."),
            ),
            Self::BodyIncomplete => Problem::of_body(BodyFault::Incomplete, MAX_BODY_BYTES),
            Self::NotJson(at) => {
                Problem::not_json(*at, "a JSON object in which each field occurs at most once")
            }
            Self::Invalid(errors) => Problem::invalid_fields(errors.clone()),
            Self::InvalidIdempotencyKey(_) => Problem::invalid_idempotency_key(),
            Self::IdempotencyKeyReused => Problem::idempotency_key_reused(),
            Self::Contended => Problem::new(
                StatusCode::CONFLICT,
                "request_in_progress",
                "Another request for the same is under way",
                "Send the same request again in a moment.",
            ),
            Self::NoSuchOrder => Problem::new(
                StatusCode::NOT_FOUND,
                "order_not_found",
                "There is no such order",
                "No order has this id.",
            ),
            Self::PastPivot => Problem::new(
                StatusCode::CONFLICT,
                "past_pivot",
                "The order can no longer be cancelled",
                "Its shipment was asked for: it goes forward only.",
            ),
            Self::Unavailable(_) => Problem::unavailable(),
            Self::Internal(_) => Problem::internal(),
        }
    }

    /// Whether the same request may work in a moment.
    pub(crate) fn passes_by_itself(&self) -> bool {
        matches!(self, Self::Contended | Self::Unavailable(_))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.problem().into_response();
        if self.passes_by_itself() {
            let a_second = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, a_second);
        }
        if let Self::Unavailable(cause) | Self::Internal(cause) = &self {
            let cause = Cause(error_chain(cause.as_ref()));
            response.extensions_mut().insert(cause);
        }
        response
    }
}
