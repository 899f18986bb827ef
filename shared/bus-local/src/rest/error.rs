//! Errors in Google's shape: `{"error":{"code","message","status"}}`.

use axum::response::{IntoResponse, Response};
use fanout_runtime::error_chain;
use http::StatusCode;
use serde_json::json;

use crate::error::BrokerError;
use crate::publish_limits::LimitExceeded;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum RestError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("the request's body is not JSON (line {line}, column {column})")]
    Malformed { line: usize, column: usize },
    #[error("the request's body is larger than this server takes")]
    BodyTooLarge,
    #[error("the request's body has a `Content-Encoding`: send it without one")]
    Encoded,
    #[error("{} must {must}", field(.path))]
    Field { path: String, must: &'static str },
    #[error("`{0}` is no field that is known here")]
    UnknownField(String),
    #[error("{0}")]
    InvalidArgument(&'static str),
    #[error("the embedded broker does not know the setting `{0}`")]
    UnsupportedSetting(String),
    #[error(
        "the embedded broker does not do {0}. It does: topics list, describe, create, delete, publish and list-subscriptions; subscriptions list, describe, create, delete, pull, acknowledge, modifyAckDeadline and seek to a time"
    )]
    Unsupported(String),
    #[error("there is nothing at this path")]
    NoSuchPath,
}

/// The request itself has no path within it.
fn field(path: &str) -> String {
    if path.is_empty() {
        "the request's body".to_owned()
    } else {
        format!("`{path}`")
    }
}

impl RestError {
    /// The code and the name of it in Google's table. What this broker does not do is the caller's
    /// fault: an UNIMPLEMENTED, which is a 501, gcloud would try again for half a minute and then
    /// blame on the network.
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Broker(error) => broker_status(error),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Encoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID_ARGUMENT"),
            Self::Malformed { .. }
            | Self::BodyTooLarge
            | Self::Field { .. }
            | Self::UnknownField(_)
            | Self::InvalidArgument(_)
            | Self::UnsupportedSetting(_)
            | Self::Unsupported(_) => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
        }
    }
}

fn broker_status(error: &BrokerError) -> (StatusCode, &'static str) {
    match error {
        BrokerError::UnknownTopic(_) | BrokerError::UnknownSubscription(_) => {
            (StatusCode::NOT_FOUND, "NOT_FOUND")
        }
        BrokerError::TopicExists(_) | BrokerError::SubscriptionExists(_) => {
            (StatusCode::CONFLICT, "ALREADY_EXISTS")
        }
        BrokerError::NotAPullSubscription(_)
        | BrokerError::LimitExceeded(LimitExceeded::SeveralOrderingKeys) => {
            (StatusCode::BAD_REQUEST, "FAILED_PRECONDITION")
        }
        BrokerError::InvalidName(_)
        | BrokerError::InvalidSubscription(..)
        | BrokerError::InvalidFilter(..)
        | BrokerError::LimitExceeded(_)
        | BrokerError::InvalidAckId => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
        BrokerError::Database(_) => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let (code, status) = self.status();
        let message = if code.is_server_error() {
            tracing::error!(error = error_chain(&self), "a request to the broker failed");
            "The service was unable to fulfill your request.".to_owned()
        } else {
            self.to_string()
        };
        let error = json!({"code": code.as_u16(), "message": message, "status": status});
        (code, axum::Json(json!({ "error": error }))).into_response()
    }
}
