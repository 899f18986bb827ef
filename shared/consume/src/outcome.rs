//! What became of a delivery, and the one map from that to an HTTP answer.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use fanout_events::{DecodeError, Domain};
use fanout_runtime::BoxError;
use fanout_web::Problem;
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};

/// The header that says what became of a delivery.
pub const X_OUTCOME: HeaderName = HeaderName::from_static("x-outcome");

/// What became of one delivery.
#[derive(Debug)]
pub enum Outcome {
    /// The effect was made, now.
    Done,
    /// The effect had been made before.
    Duplicate,
    /// A type this consumer has no use for.
    Ignored,
    /// A later event of the same subject had been applied before.
    Stale,
    /// It will never work, and lies on the dead-letter topic now.
    Parked(ParkReason),
    /// Another instance is at work on it.
    Busy {
        /// Until its lease ends.
        remaining: Duration,
    },
    /// What it needs asks for it later; that is usual.
    Deferred(BoxError),
    /// It did not work and may work later.
    Failed(BoxError),
}

/// Why an event will never work. Holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkReason {
    /// A stable slug for grouping.
    pub slug: &'static str,
    /// A full sentence.
    pub detail: String,
}

impl ParkReason {
    /// A hand-typed message names a type that no domain of the consumer's topics has.
    pub fn unknown_type(domains: &[&'static Domain]) -> Self {
        let types = domains.iter().flat_map(|domain| domain.types);
        let names: Vec<&str> = types.map(|known| known.name).collect();
        Self {
            slug: "unknown_type",
            detail: format!("the type is none of this topic's: {}", names.join(", ")),
        }
    }

    /// Another payload came under an id that is known.
    pub fn id_reused() -> Self {
        Self {
            slug: "id_reused",
            detail: "another payload has been seen under this event id".to_owned(),
        }
    }
}

impl From<&DecodeError> for ParkReason {
    fn from(error: &DecodeError) -> Self {
        let slug = match error {
            DecodeError::Empty | DecodeError::NotJson { .. } | DecodeError::NotAnEvent(_) => {
                "undecodable"
            }
            DecodeError::Invalid(_) | DecodeError::TooDeep { .. } => "invalid",
            DecodeError::UnsupportedVersion { .. } => "unsupported_version",
        };
        Self {
            slug,
            detail: error.to_string(),
        }
    }
}

impl Outcome {
    /// The name in logs and in the `x-outcome` header.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Stale => "stale",
            Self::Parked(_) => "parked",
            Self::Busy { .. } => "busy",
            Self::Deferred(_) => "deferred",
            Self::Failed(_) => "failed",
        }
    }
}

impl IntoResponse for &Outcome {
    /// Only 102, 200, 201, 202 and 204 ack; so all that is not settled answers something else.
    fn into_response(self) -> Response {
        let mut response = match self {
            Outcome::Done
            | Outcome::Duplicate
            | Outcome::Ignored
            | Outcome::Stale
            | Outcome::Parked(_) => StatusCode::NO_CONTENT.into_response(),
            Outcome::Busy { remaining } => again_after(
                *remaining,
                "claim_held",
                "Another instance is working on this event",
                "Deliver again when its lease has ended.",
            ),
            Outcome::Deferred(_) => again_after(
                ASK_LATER,
                "deferred",
                "What the event needs asks for it later",
                "Deliver again later.",
            ),
            Outcome::Failed(_) => Problem::unavailable().into_response(),
        };
        let outcome = HeaderValue::from_static(self.name());
        response.headers_mut().insert(X_OUTCOME, outcome);
        response
    }
}

/// A guess: Pub/Sub has a backoff of its own.
const ASK_LATER: Duration = Duration::from_secs(60);

/// No 5xx: many of those in a row are an alert.
fn again_after(wait: Duration, slug: &'static str, title: &'static str, detail: &str) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, slug, title, detail);
    ([(RETRY_AFTER, seconds.to_string())], problem).into_response()
}
