//! Errors in Google's shape: `{"error":{"code","message","status"}}`.

use axum::response::{IntoResponse, Response};
use fanout_runtime::error_chain;
use http::StatusCode;
use serde_json::json;

use crate::error::BrokerError;

#[derive(Debug, thiserror::Error)]
pub(super) enum RestError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("{0}")]
    Invalid(String),
    #[error("the request's body has a `Content-Encoding`: send it without one")]
    Encoded,
    #[error("there is nothing at this path")]
    NoSuchPath,
}

impl RestError {
    pub(super) fn invalid(sentence: impl Into<String>) -> Self {
        Self::Invalid(sentence.into())
    }

    pub(super) fn unknown_field(path: &str) -> Self {
        Self::Invalid(format!("`{path}` is no field that is known here"))
    }

    pub(super) fn unsupported_setting(path: &str) -> Self {
        let sentence = format!("the embedded broker does not know the setting `{path}`");
        Self::Invalid(sentence)
    }

    /// The code and the name of it in Google's table. What this broker does not do is the caller's
    /// fault: an UNIMPLEMENTED, which is a 501, gcloud would try again for half a minute and then
    /// blame on the network.
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoSuchPath | Self::Broker(BrokerError::Unknown(..)) => {
                (StatusCode::NOT_FOUND, "NOT_FOUND")
            }
            Self::Broker(BrokerError::Exists(..)) => (StatusCode::CONFLICT, "ALREADY_EXISTS"),
            Self::Broker(BrokerError::Unfit(_)) => (StatusCode::BAD_REQUEST, "FAILED_PRECONDITION"),
            Self::Broker(BrokerError::Database(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE")
            }
            Self::Encoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "INVALID_ARGUMENT"),
            Self::Invalid(_) | Self::Broker(BrokerError::Invalid(_)) => {
                (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT")
            }
        }
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
