//! What the service's requests are answered with, and why they are not.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use fanout_consume::ConsumerDeps;
use fanout_outbox::{Outbox, UnwritableEvent};
use fanout_runtime::{Clock, IdGenerator, error_chain};
use fanout_store::{CommitError, Documents, MalformedDocument, ReadError, StoreError};
use fanout_web::{InvalidIdempotencyKey, Problem};
use http::StatusCode;
use tracing::error;

/// What the service's requests are answered with.
#[derive(Clone)]
pub(crate) struct Posts {
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) outbox: Outbox,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGenerator>,
}

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostError {
    #[error("the request is not usable")]
    Unusable(Problem),
    #[error(transparent)]
    InvalidIdempotencyKey(#[from] InvalidIdempotencyKey),
    #[error("the Idempotency-Key belongs to another request")]
    IdempotencyKeyReused,
    #[error("there is no such post")]
    NoSuchPost,
    #[error("others change the same all the time")]
    Contended,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Event(#[from] UnwritableEvent),
}

impl Posts {
    pub(crate) fn of(deps: &ConsumerDeps) -> Self {
        Self {
            documents: Arc::clone(&deps.documents),
            outbox: deps.outbox.clone(),
            clock: Arc::clone(&deps.clock),
            ids: Arc::clone(&deps.ids),
        }
    }
}

impl From<Problem> for PostError {
    fn from(problem: Problem) -> Self {
        Self::Unusable(problem)
    }
}

impl From<StoreError> for PostError {
    fn from(error: StoreError) -> Self {
        Self::Read(error.into())
    }
}

impl From<MalformedDocument> for PostError {
    fn from(error: MalformedDocument) -> Self {
        Self::Read(error.into())
    }
}

impl IntoResponse for PostError {
    fn into_response(self) -> Response {
        let failed = |problem: Problem| {
            let error = error_chain(&self);
            error!(error, "a request was not done");
            problem
        };
        let problem = match &self {
            Self::Unusable(problem) => problem.clone(),
            Self::InvalidIdempotencyKey(_) => Problem::invalid_idempotency_key(),
            Self::IdempotencyKeyReused => Problem::idempotency_key_reused(),
            Self::NoSuchPost => Problem::new(
                StatusCode::NOT_FOUND,
                "post_not_found",
                "There is no such post",
                "No post has this id, or it was deleted.",
            ),
            Self::Read(error) => failed(Problem::from(error)),
            Self::Event(_) | Self::Commit(CommitError::Store(StoreError::Refused(_))) => {
                failed(Problem::internal())
            }
            Self::Contended
            | Self::Commit(
                CommitError::Conflict(_)
                | CommitError::Contention(_)
                | CommitError::Store(StoreError::Unavailable(_)),
            ) => failed(Problem::unavailable()),
        };
        problem.into_response()
    }
}
