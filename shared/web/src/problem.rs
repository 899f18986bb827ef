//! RFC 9457 `application/problem+json`: the one shape of every error answer.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// An error answer. `slug` is a stable name that callers may branch on; `detail` is for a person.
///
/// A 5xx says nothing of its cause: build it with [`Problem::internal`] or [`Problem::unavailable`]
/// and log the cause once, at the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
}

/// What is wrong with one field of a request's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name in the body.
    pub field: &'static str,
    /// A full sentence; never the value.
    pub message: String,
}

impl FieldError {
    /// What this field must be, or is.
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { field, message }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// An error answer of the given status.
    pub fn new(
        status: StatusCode,
        slug: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            slug,
            title,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// 422 with every fault of the body.
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "validation_failed",
            "The request's fields are not valid",
            "See `errors` for each field and what it must be.",
        );
        problem.errors = errors;
        problem
    }

    /// 422 with the one fault of this field.
    pub fn invalid_field(field: &'static str, message: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError::new(field, message)])
    }

    /// 404: the service has no such path.
    pub fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is nothing here",
            "No route of this service matches the path.",
        )
    }

    /// 405: the path is there, but not for this method.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "The path does not take this method",
            "The header `Allow` lists the methods it takes.",
        )
    }

    /// 500: a fault of ours that trying again will not cure.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something went wrong on our side",
            "The fault has been logged. Trying again will probably not help.",
        )
    }

    /// 503: a dependency does not answer; the caller may try again.
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "A dependency does not answer",
            "The request may have had its effect all the same. Send it again in a moment; a POST with the same `Idempotency-Key`, where it takes one.",
        )
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable name of this kind of error.
    pub fn slug(&self) -> &'static str {
        self.slug
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: self.slug,
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, axum::Json(body)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }
}
