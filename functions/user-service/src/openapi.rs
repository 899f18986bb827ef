//! What `GET /openapi.json` says besides what the handlers say of themselves.

use fanout_openapi::{ErrorAnswer, Operations, header, idempotency_key, text};
use fanout_web::{BodyFault, NotJson, Problem};
use serde_json::json;
use utoipa::OpenApi;
use utoipa::openapi::path::Parameter;

use crate::api_error::ApiError;

/// The document's frame; the router fills in the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "user-service",
        description = "Signs users up, keeps them, and publishes what happens to them. Errors are `application/problem+json` (RFC 9457); branch on `type`. A path that is not listed is answered 404 `not_found`, a method that its path does not take 405 `method_not_allowed`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "users", description = "Users"),
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
    let body = || {
        vec![
            NotJson { line: 1, column: 9 }.into(),
            BodyFault::Incomplete.into(),
            ApiError::Encoded,
            BodyFault::TooLarge.into(),
            Problem::invalid_field(
                "name",
                "must have 1 to 200 characters and no control characters",
            )
            .into(),
            ApiError::EmailTaken,
        ]
    };
    let mut errors = match operation {
        "sign_up" | "update_user" => body(),
        _ => Vec::new(),
    };
    errors.extend(match operation {
        "sign_up" => vec![
            Problem::not_json_media().into(),
            Problem::invalid_idempotency_key().into(),
            Problem::idempotency_key_reused().into(),
            ApiError::RequestInProgress,
        ],
        "update_user" => vec![
            ApiError::NotMergePatch,
            ApiError::NoSuchUser,
            ApiError::StaleVersion,
        ],
        "get_user" | "delete_user" => vec![ApiError::NoSuchUser, ApiError::StaleVersion],
        _ => Vec::new(),
    });
    if operation == "get_openapi" {
        return errors;
    }
    let cause = || "not shown".into();
    errors.extend([ApiError::Unavailable(cause()), ApiError::Internal(cause())]);
    errors
}

/// The headers that an operation reads, by its id.
fn headers_of(operation: &str) -> Vec<Parameter> {
    match operation {
        "sign_up" => vec![idempotency_key(
            "Only a sign-up that was done is remembered.",
        )],
        "get_user" | "update_user" | "delete_user" => vec![
            header(
                "If-Match",
                "Only if the user still has one of these versions: an `ETag`, a list of them, or `*`",
                text().examples([json!("\"1\"")]),
            ),
            header(
                "If-None-Match",
                "Only if the user has none of these versions any more",
                text().examples([json!("\"1\"")]),
            ),
        ],
        _ => Vec::new(),
    }
}
