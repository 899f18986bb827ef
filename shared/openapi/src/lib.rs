#![doc = include_str!("../README.md")]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::body::to_bytes;
use axum::response::{IntoResponse, Response as AxumResponse};
use axum::{Extension, Json};
use fanout_web::{MAX_KEY_LENGTH, Problem};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, Type};
use utoipa::openapi::{
    ContentBuilder, Object, ObjectBuilder, OpenApi as Document, Ref, RefOr, Required, Response,
    ResponseBuilder, Schema,
};

/// An error that an operation answers.
pub struct ErrorAnswer {
    /// As it is sent.
    pub problem: Problem,
    /// Whether the same request may work in a moment: the answer has a `Retry-After`.
    pub passes_by_itself: bool,
}

/// What a service says of its operations besides what their handlers say, by `operation_id`.
pub struct Operations {
    /// The errors.
    pub errors: fn(&str) -> Vec<ErrorAnswer>,
    /// The request's headers.
    pub headers: fn(&str) -> Vec<Parameter>,
}

/// Describe the service
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "get_openapi",
    tag = "description",
    responses((status = 200, description = "OpenAPI 3.1: this document", body = Object))
)]
pub async fn get_openapi(Extension(description): Extension<Description>) -> AxumResponse {
    Json(&**description.0).into_response()
}

/// What a service says of itself, made when it is first asked for: no start waits for it.
#[derive(Clone)]
pub struct Description(Arc<LazyLock<Document, Box<dyn FnOnce() -> Document + Send>>>);

impl Description {
    /// Of a document whose paths are known.
    pub fn new(mut document: Document, operations: Operations) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(move || {
            complete(&mut document, &operations);
            document
        }))))
    }
}

fn complete(document: &mut Document, operations: &Operations) {
    let components = document.components.get_or_insert_default();
    let schemas = &mut components.schemas;
    schemas.insert("Problem".to_owned(), problem_schema().into());
    for problem in [Problem::no_such_path(), Problem::method_not_allowed()] {
        let response = answer(std::slice::from_ref(&problem));
        let responses = &mut components.responses;
        responses.insert(problem.slug().to_owned(), response.into());
    }
    for item in document.paths.paths.values_mut() {
        let all = [
            &mut item.get,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in all.into_iter().flatten() {
            describe(operation, operations);
        }
    }
}

/// A header that an operation reads.
pub fn header(name: &str, description: &str, value: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(value))
        .build()
}

/// The header `Idempotency-Key`; `remembered` says of what.
pub fn idempotency_key(remembered: &str) -> Parameter {
    header(
        "Idempotency-Key",
        &format!(
            "Makes the request safe to send again: within 24 hours a repeat with the same fields gets the first answer. {remembered}"
        ),
        text()
            .min_length(Some(1))
            .max_length(Some(MAX_KEY_LENGTH))
            .pattern(Some("^[!-~]([ -~]*[!-~])?$"))
            .examples([json!("8a5d1c1e-6f0b-4f1c-9a53-0d4a3a8f6f0e")]),
    )
}

/// A text, of which more can be said.
pub fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn describe(operation: &mut Operation, operations: &Operations) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let mut by_status: BTreeMap<u16, Vec<ErrorAnswer>> = BTreeMap::new();
    for error in (operations.errors)(&id) {
        let status = error.problem.status().as_u16();
        by_status.entry(status).or_default().push(error);
    }
    let responses = &mut operation.responses.responses;
    for (status, errors) in by_status {
        responses.insert(status.to_string(), error_answer(&errors).into());
    }
    for response in responses.values_mut() {
        if let RefOr::T(response) = response {
            let named = HeaderBuilder::new()
                .schema(Some(Object::with_type(Type::String)))
                .description(Some(
                    "What the request and all that follows from it is named",
                ));
            let headers = &mut response.headers;
            headers.insert("X-Request-Id".to_owned(), named.build().into());
        }
    }
    let mut headers = (operations.headers)(&id);
    headers.push(header(
        "X-Request-Id",
        "Names the request, and all that follows from it, if it has 1 to 128 letters, digits or `_-.:/`; else its trace's id does, or a new one",
        text(),
    ));
    let parameters = operation.parameters.get_or_insert_default();
    parameters.extend(headers.into_iter().map(Into::into));
}

/// The answer of errors with one status.
fn error_answer(errors: &[ErrorAnswer]) -> Response {
    let problems: Vec<Problem> = errors.iter().map(|error| error.problem.clone()).collect();
    let mut response = answer(&problems);
    if errors.iter().any(|error| error.passes_by_itself) {
        let seconds = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)))
            .description(Some(
                "After how many seconds to send the same request again",
            ));
        let headers = &mut response.headers;
        headers.insert("Retry-After".to_owned(), seconds.build().into());
    }
    response
}

/// The answer of problems with one status: their slugs, and an example of each, made by the code
/// that answers.
fn answer(problems: &[Problem]) -> Response {
    let slugs = problems.iter().map(|it| format!("`{}`", it.slug()));
    let slugs = slugs.collect::<Vec<_>>().join(", ");
    let status = problems.first().map(Problem::status);
    let reason = status.and_then(|status| status.canonical_reason());
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(problems.iter().cloned().map(example))
        .build();
    ResponseBuilder::new()
        .description(format!("{}: {slugs}", reason.unwrap_or_default()))
        .content("application/problem+json", content)
        .build()
}

fn example(problem: Problem) -> (String, Example) {
    let slug = problem.slug().to_owned();
    let body = to_bytes(problem.into_response().into_body(), usize::MAX);
    // A body that is in memory is read without waiting.
    let bytes = body.now_or_never().and_then(Result::ok).unwrap_or_default();
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    (slug, ExampleBuilder::new().value(Some(value)).build())
}

fn problem_schema() -> Schema {
    let fault = ObjectBuilder::new()
        .property("field", text())
        .required("field")
        .property("message", text())
        .required("message");
    let errors = ArrayBuilder::new().items(fault).description(Some(
        "What is wrong with which field, with 422 `validation_failed`",
    ));
    let mut problem = ObjectBuilder::new().description(Some("RFC 9457"));
    for name in ["type", "title", "detail"] {
        problem = problem.property(name, text()).required(name);
    }
    problem
        .property("status", Object::with_type(Type::Integer))
        .required("status")
        .property("errors", errors)
        .into()
}
