//! Every error answer of the service, and the one map from it to a status.

use axum::response::{IntoResponse, Response};
use fanout_runtime::BoxError;
use fanout_runtime::error_chain;
use fanout_store::StoreError;
use fanout_web::{BodyFault, Cause, FieldError, InvalidIdempotencyKey, NotJson, Problem};
use http::header::{ACCEPT_ENCODING, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::MAX_BODY_BYTES;

/// How a change can be said.
pub(crate) const CHANGE_MEDIA: &str = "application/merge-patch+json, application/json";

/// RFC 5789, section 3.1.
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("the request's media type is not JSON")]
    NotJsonMedia,
    #[error("the request's media type is no way to say a change")]
    NotMergePatch,
    #[error("the body is encoded")]
    Encoded,
    #[error(transparent)]
    Body(BodyFault),
    #[error(transparent)]
    NotJson(#[from] NotJson),
    #[error("fields are not valid")]
    Invalid(Vec<FieldError>),
    #[error(transparent)]
    InvalidIdempotencyKey(#[from] InvalidIdempotencyKey),
    #[error("the Idempotency-Key belongs to another request")]
    IdempotencyKeyReused,
    #[error("a request with the same Idempotency-Key or address is under way")]
    RequestInProgress,
    #[error("the address belongs to another user")]
    EmailTaken,
    #[error("there is no such user")]
    NoSuchUser,
    #[error("the user has another version")]
    StaleVersion,
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
            BodyFault::NoRoom => Self::Unavailable(fault.into()),
            BodyFault::TooLarge | BodyFault::Incomplete => Self::Body(fault),
        }
    }
}

impl ApiError {
    #[allow(
        clippy::too_many_lines,
        reason = "the one table of all error answers reads best in one piece"
    )]
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::NotJsonMedia => Problem::not_json_media(),
            Self::NotMergePatch => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "A change is a JSON merge patch",
                format!("Send the header `Content-Type`, one of {CHANGE_MEDIA}."),
            ),
            Self::Encoded => Problem::encoded(),
            Self::Body(fault) => Problem::of_body(*fault, MAX_BODY_BYTES),
            Self::NotJson(at) => Problem::not_json(
                *at,
                "a JSON object in which `email` and `name` occur at most once",
            ),
            Self::Invalid(errors) => Problem::invalid_fields(errors.clone()),
            Self::InvalidIdempotencyKey(_) => Problem::invalid_idempotency_key(),
            Self::IdempotencyKeyReused => Problem::idempotency_key_reused(),
            Self::RequestInProgress => Problem::new(
                StatusCode::CONFLICT,
                "request_in_progress",
                "A request with this Idempotency-Key or this address is under way",
                "Send the same request again in a moment.",
            ),
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
            Self::StaleVersion => Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "version_mismatch",
                "The user has another version",
                "`If-Match` does not list the user's current `ETag`, or `If-None-Match` does. Read the user again and decide anew.",
            ),
            Self::Unavailable(_) => Problem::unavailable(),
            Self::Internal(_) => Problem::internal(),
        }
    }

    /// Whether the same request may work in a moment.
    pub(crate) fn passes_by_itself(&self) -> bool {
        matches!(self, Self::RequestInProgress | Self::Unavailable(_))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.problem().into_response();
        let told = match &self {
            Self::NotMergePatch => Some((ACCEPT_PATCH, CHANGE_MEDIA)),
            Self::Encoded => Some((ACCEPT_ENCODING, "identity")),
            _ if self.passes_by_itself() => Some((RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = told {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        if let Self::Unavailable(cause) | Self::Internal(cause) = &self {
            let cause = Cause(error_chain(cause.as_ref()));
            response.extensions_mut().insert(cause);
        }
        response
    }
}
