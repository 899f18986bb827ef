//! `POST /users`: state and event in one commit, then publish.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use fanout_outbox::{Draft, Origin};
use fanout_runtime::BoxError;
use fanout_store::{CommitError, Conflict, UpdateTime, Violation, Write};
use fanout_web::{Remembered, Repeatable, RequestContext};
use http::header::{ETAG, LOCATION};
use http::{HeaderMap, StatusCode};

use crate::UserServiceDeps;
use crate::api_error::ApiError;
use crate::request::SignUp;
use crate::request_schema::NewUser;
use crate::user::{USER_EMAILS, User};
use crate::user_events;
use crate::version_tag::etag;

/// How often a record under the request's key may vanish or run out before it is given up.
const RECORD_TRIES: u32 = 3;

enum SignedUp {
    Now,
    /// Done by an earlier request with the same key.
    Before(User),
}

/// Sign a user up
#[utoipa::path(
    post,
    path = "/users",
    operation_id = "sign_up",
    tag = "users",
    request_body = NewUser,
    responses((
        status = 201, description = "The user is stored, and `user.created` will be published", body = User,
        headers(
            ("Location" = String, description = "Where the user is: `/users/{id}`"),
            ("ETag" = String, description = "The user's version, for `If-Match`")
        )
    ))
)]
pub(crate) async fn sign_up(
    State(deps): State<UserServiceDeps>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let request = SignUp::read(&headers, body).await?;
    let asks = [request.email.kept().expose(), request.name.expose()];
    let repeatable = Repeatable::from(&headers, "users", &asks)?;
    let (id, now) = (deps.ids.new_id("usr"), deps.clock.now());
    let user = User::new(id, &request.email, request.name.clone(), now);
    let event = user_events::created(&user)?;
    let origin = user_events::origin(&context);
    let signed_up = match &repeatable {
        None => store(&deps, user.create(), event, &origin).await,
        Some(repeatable) => store_once(&deps, repeatable, &request, &user, event, &origin).await,
    };
    let user = match signed_up? {
        SignedUp::Now => user,
        SignedUp::Before(first) => first,
    };
    let location = format!("/users/{}", user.id);
    let headers = [(LOCATION, location), (ETAG, etag(user.version))];
    Ok((StatusCode::CREATED, headers, Json(user)).into_response())
}

async fn store(
    deps: &UserServiceDeps,
    writes: Vec<Write>,
    event: Draft,
    origin: &Origin,
) -> Result<SignedUp, ApiError> {
    match deps.outbox.store(writes, vec![event], origin).await {
        Ok(()) => Ok(SignedUp::Now),
        Err(CommitError::Conflict(conflict)) => Err(refused(conflict)),
        Err(CommitError::Contention(cause)) => Err(ApiError::Unavailable(cause)),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Stores with the key's record, which comes first: a repeat meets its own address too, and must
/// not be told that it is taken.
async fn store_once(
    deps: &UserServiceDeps,
    repeatable: &Repeatable,
    request: &SignUp,
    user: &User,
    event: Draft,
    origin: &Origin,
) -> Result<SignedUp, ApiError> {
    let mut expired: Option<UpdateTime> = None;
    for _ in 0..RECORD_TRIES {
        let record = repeatable.remember(&user.id, user.created_at, expired);
        let writes = [record].into_iter().chain(user.create()).collect();
        let events = vec![event.clone()];
        let failure = match deps.outbox.store(writes, events, origin).await {
            Ok(()) => return Ok(SignedUp::Now),
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(CommitError::Conflict(conflict)) => Some(conflict),
            Err(CommitError::Contention(_)) => None,
        };
        let record = deps.documents.get(repeatable.key()).await?;
        let known = record.map(|record| repeatable.compare(&record, deps.clock.now()));
        expired = match known.transpose().map_err(internal)? {
            Some(Remembered::Same { id, at }) => {
                let first = User::new(id, &request.email, request.name.clone(), at);
                return Ok(SignedUp::Before(first));
            }
            Some(Remembered::Another) => return Err(ApiError::IdempotencyKeyReused),
            Some(Remembered::Expired(version)) => Some(version),
            None => None,
        };
        match failure {
            Some(conflict) if conflict.key != *repeatable.key() => return Err(refused(conflict)),
            Some(_) | None => {}
        }
    }
    Err(ApiError::RequestInProgress)
}

fn refused(conflict: Conflict) -> ApiError {
    let taken = conflict.key.is_in(USER_EMAILS) && conflict.violation == Violation::AlreadyExists;
    if taken {
        ApiError::EmailTaken
    } else {
        internal(conflict)
    }
}

fn internal(cause: impl Into<BoxError>) -> ApiError {
    ApiError::Internal(cause.into())
}
