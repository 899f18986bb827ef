//! Every error answer of the service, and the one map from it to a status.

use axum::response::{IntoResponse, Response};
use fanout_event_sourcing::{LoadError, MOST_BY_VALUE_DATE};
use fanout_runtime::{BoxError, error_chain};
use fanout_store::{MalformedDocument, ReadError, StoreError};
use fanout_web::{Cause, InvalidIdempotencyKey, Problem};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use crate::Refusal;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("the request is not usable")]
    Unusable(Problem),
    #[error(transparent)]
    InvalidIdempotencyKey(#[from] InvalidIdempotencyKey),
    #[error("the Idempotency-Key belongs to another request")]
    IdempotencyKeyReused,
    #[error("others write to the same accounts all the time")]
    Contended,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("only deposits and withdrawals can be reversed")]
    NotReversible,
    #[error("the account has too many events for a balance by value date")]
    TooManyEvents,
    #[error("a dependency failed")]
    Unavailable(#[source] BoxError),
    #[error("a fault of ours")]
    Internal(#[source] BoxError),
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Unusable(problem)
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

impl From<LoadError> for ApiError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Read(ReadError::Store(error)) => error.into(),
            LoadError::TooLong => Self::TooManyEvents,
            LoadError::Read(ReadError::Malformed(_))
            | LoadError::Unreadable { .. }
            | LoadError::Gap { .. } => Self::Internal(error.into()),
        }
    }
}

impl From<MalformedDocument> for ApiError {
    fn from(error: MalformedDocument) -> Self {
        Self::Internal(error.into())
    }
}

fn unprocessable(slug: &'static str, title: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, slug, title, detail)
}

impl ApiError {
    fn problem(&self) -> Problem {
        match self {
            Self::Unusable(problem) => problem.clone(),
            Self::Refused(refusal) => refused(*refusal),
            Self::InvalidIdempotencyKey(_) => Problem::invalid_idempotency_key(),
            Self::IdempotencyKeyReused => Problem::idempotency_key_reused(),
            Self::Contended => Problem::new(
                StatusCode::CONFLICT,
                "request_in_progress",
                "Other requests for the same account are under way",
                "Nothing was done. Send the same request again in a moment.",
            ),
            Self::NotReversible => unprocessable(
                "not_reversible",
                "This cannot be reversed",
                "Only a deposit or a withdrawal of this account can be; a transfer is undone by one in the other direction.",
            ),
            Self::TooManyEvents => unprocessable(
                "too_many_events",
                "There are too many events for a balance by value date",
                &format!("It is offered for accounts of at most {MOST_BY_VALUE_DATE} events."),
            ),
            Self::Unavailable(_) => Problem::unavailable(),
            Self::Internal(_) => Problem::internal(),
        }
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoSuchAccount => Problem::new(
            StatusCode::NOT_FOUND,
            "account_not_found",
            "There is no such account",
            "No account has this id, or had it then.",
        ),
        Refusal::AlreadyOpen => Problem::internal(),
        Refusal::Closed => unprocessable(
            "account_closed",
            "The account is closed",
            "It takes part in no movement any more.",
        ),
        Refusal::InsufficientFunds => unprocessable(
            "insufficient_funds",
            "There is not enough on the account",
            "The balance never falls below 0.",
        ),
        Refusal::CurrencyMismatch => unprocessable(
            "currency_mismatch",
            "The currencies differ",
            "An account takes part in movements of its own currency only.",
        ),
        Refusal::Amount(fault) => Problem::invalid_field("amount", fault.to_string()),
        Refusal::NothingToMove => Problem::invalid_field("amount", "must be more than 0"),
        Refusal::AlreadyReversed => unprocessable(
            "already_reversed",
            "The movement was reversed already",
            "A movement is reversed once; a reversal stays.",
        ),
        Refusal::BalanceLeft => unprocessable(
            "balance_left",
            "There is money left on the account",
            "Withdraw or transfer it before you close the account.",
        ),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.problem().into_response();
        if matches!(self, Self::Contended | Self::Unavailable(_)) {
            let a_second = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, a_second);
        }
        if response.status().is_server_error() {
            let cause = Cause(error_chain(&self));
            response.extensions_mut().insert(cause);
        }
        response
    }
}
