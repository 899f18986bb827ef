//! What `GET /openapi.json` says besides what the handlers say of themselves.

use fanout_openapi::{ErrorAnswer, Operations, idempotency_key};
use fanout_web::{FieldError, InvalidIdempotencyKey, NotJson};
use utoipa::OpenApi;
use utoipa::openapi::path::Parameter;

use crate::api_error::ApiError;

/// The document's frame; the router fills in the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "order-service",
        description = "Takes orders, and sees each through: reserved, paid, shipped, confirmed, or undone. Errors are `application/problem+json` (RFC 9457); branch on `type`. A path that is not listed is answered 404 `not_found`, a method that its path does not take 405 `method_not_allowed`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "orders", description = "Orders"),
        (name = "description", description = "What the service can do")
    )
)]
pub(crate) struct Frame;

/// What the handlers do not say of themselves.
pub(crate) const OPERATIONS: Operations = Operations {
    errors: |operation| errors_of(operation).iter().map(answer).collect(),
    headers: headers_of,
};

fn answer(error: &ApiError) -> ErrorAnswer {
    ErrorAnswer {
        problem: error.problem(),
        passes_by_itself: error.passes_by_itself(),
    }
}

/// The errors of an operation, by its id.
fn errors_of(operation: &str) -> Vec<ApiError> {
    let invalid = |field, must| ApiError::Invalid(vec![FieldError::new(field, must)]);
    let mut errors = match operation {
        "place_order" => vec![
            ApiError::NotJson(NotJson { line: 1, column: 9 }),
            ApiError::BodyIncomplete,
            ApiError::BodyTooLarge,
            ApiError::NotJsonMedia,
            invalid("quantity", "must be a whole number from 1, below 2^53"),
            ApiError::InvalidIdempotencyKey(InvalidIdempotencyKey),
            ApiError::IdempotencyKeyReused,
            ApiError::Contended,
        ],
        "list_orders" => vec![invalid("user_id", "is required")],
        "get_order" => vec![ApiError::NoSuchOrder],
        "cancel_order" => vec![
            ApiError::NoSuchOrder,
            ApiError::PastPivot,
            ApiError::Contended,
        ],
        _ => return Vec::new(),
    };
    let cause = || "not shown".into();
    errors.extend([ApiError::Unavailable(cause()), ApiError::Internal(cause())]);
    errors
}

/// The headers that an operation reads, by its id.
fn headers_of(operation: &str) -> Vec<Parameter> {
    match operation {
        "place_order" => vec![idempotency_key(
            "Only an order that was placed is remembered.",
        )],
        _ => Vec::new(),
    }
}
