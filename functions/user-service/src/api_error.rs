//! Every error answer of the service, and the one map from it to a status.

use axum::response::{IntoResponse, Response};
use fanout_runtime::{BoxError, error_chain};
use fanout_store::{CommitError, Conflict, StoreError, Violation};
use fanout_web::{BodyFault, Cause, NotJson, Problem};
use http::header::{ACCEPT_ENCODING, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::MAX_BODY_BYTES;
use crate::user::USER_EMAILS;

/// How a change can be said.
pub(crate) const CHANGE_MEDIA: &str = "application/merge-patch+json, application/json";

/// RFC 5789, section 3.1.
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

#[derive(Debug)]
pub(crate) enum ApiError {
    /// What every service says of requests like this.
    Unusable(Problem),
    NotMergePatch,
    Encoded,
    RequestInProgress,
    EmailTaken,
    NoSuchUser,
    StaleVersion,
    /// A dependency failed.
    Unavailable(BoxError),
    /// A fault of ours.
    Internal(BoxError),
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Unusable(problem)
    }
}

impl From<NotJson> for ApiError {
    fn from(at: NotJson) -> Self {
        let expected = "a JSON object in which `email` and `name` occur at most once";
        Problem::not_json(at, expected).into()
    }
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
            BodyFault::TooLarge | BodyFault::Incomplete => {
                Problem::of_body(fault, MAX_BODY_BYTES).into()
            }
        }
    }
}

impl From<CommitError> for ApiError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(Conflict {
                key,
                violation: Violation::AlreadyExists,
                ..
            }) if key.is_in(USER_EMAILS) => Self::EmailTaken,
            CommitError::Conflict(conflict) => Self::Internal(conflict.into()),
            CommitError::Contention(cause) => Self::Unavailable(cause),
            CommitError::Store(error) => error.into(),
        }
    }
}

impl ApiError {
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::Unusable(problem) => problem.clone(),
            Self::NotMergePatch => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "A change is a JSON merge patch",
                format!("Send the header `Content-Type`, one of {CHANGE_MEDIA}."),
            ),
            Self::Encoded => Problem::encoded(),
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
