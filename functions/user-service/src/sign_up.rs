//! `POST /users`: state and event in one commit, then publish.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use fanout_events::{EmailAddress, Envelope, Event, Payload, PersonName, UserCreated};
use fanout_runtime::{FieldError, TraceContext};
use fanout_store::{CommitError, CommitReceipt, Violation, Write, commit_through_contention};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::UserServiceDeps;
use crate::api_error::ApiError;
use crate::request::{correlation_id, json_body};
use crate::user::{USER_EMAILS, User};

#[derive(Deserialize)]
pub(crate) struct SignUpRequest {
    email: Option<String>,
    name: Option<String>,
}

pub(crate) async fn sign_up(
    State(deps): State<UserServiceDeps>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let request: SignUpRequest = json_body(&headers, body)?;
    let (email, name) = validate(&request)?;
    let now = deps.clock.now();
    let user = User {
        id: deps.ids.new_id("usr"),
        email,
        name,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let trace = TraceContext::from_headers(&headers);
    let correlation_id = correlation_id(&headers, trace.as_ref(), deps.ids.as_ref());
    let event = user_created(&user, deps.ids.new_id("evt"), correlation_id);
    let pending = deps
        .outbox
        .prepare(&event, trace.as_ref())
        .map_err(|error| ApiError::Internal(error.into()))?;
    let writes = user.create().into_iter().chain(pending.writes()).collect();
    let receipt = commit(&deps, writes).await?;
    deps.outbox.publish_now(pending, &receipt).await;
    let location = format!("/users/{}", user.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(user)).into_response())
}

fn validate(request: &SignUpRequest) -> Result<(EmailAddress, PersonName), ApiError> {
    let email = request.email.as_deref().map(EmailAddress::parse);
    let name = request.name.as_deref().map(PersonName::parse);
    let mut errors = Vec::new();
    let mut fault = |field, message: String| errors.push(FieldError { field, message });
    match &email {
        None => fault("email", "is required".to_owned()),
        Some(Err(reason)) => fault("email", reason.to_string()),
        Some(Ok(_)) => {}
    }
    match &name {
        None => fault("name", "is required".to_owned()),
        Some(Err(reason)) => fault("name", reason.to_string()),
        Some(Ok(_)) => {}
    }
    match (email, name) {
        (Some(Ok(email)), Some(Ok(name))) => Ok((email, name)),
        _ => Err(ApiError::Invalid(errors)),
    }
}

fn user_created(user: &User, event_id: String, correlation_id: String) -> Event {
    let data = Payload::UserCreated(UserCreated {
        user_id: user.id.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
    });
    Envelope {
        id: event_id,
        event_type: data.event_type().to_owned(),
        source: "user-service".to_owned(),
        subject: user.id.clone(),
        sequence: user.version,
        timestamp: user.created_at,
        correlation_id: Some(correlation_id),
        causation_id: None,
        metadata: data.metadata(),
        data,
    }
}

async fn commit(deps: &UserServiceDeps, writes: Vec<Write>) -> Result<CommitReceipt, ApiError> {
    let (documents, ids) = (deps.documents.as_ref(), deps.ids.as_ref());
    match commit_through_contention(documents, ids, writes).await {
        Ok(receipt) => Ok(receipt),
        Err(CommitError::Conflict(conflict))
            if conflict.key.collection() == USER_EMAILS
                && conflict.violation == Violation::AlreadyExists =>
        {
            Err(ApiError::EmailTaken)
        }
        Err(CommitError::Conflict(conflict)) => Err(ApiError::Internal(conflict.into())),
        Err(CommitError::Contention(cause)) => Err(ApiError::Unavailable(cause)),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}
