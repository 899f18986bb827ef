//! `POST /users`: state and event in one commit, then publish.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use fanout_outbox::Origin;
use fanout_store::{CommitError, UpdateTime};
use fanout_web::{Problem, Remembered, Repeatable, RequestContext};
use http::header::{ETAG, LOCATION};
use http::{HeaderMap, StatusCode};

use crate::UserServiceDeps;
use crate::api_error::ApiError;
use crate::request::SignUp;
use crate::request_schema::NewUser;
use crate::user::User;
use crate::user_events;
use crate::version_tag::etag;

/// How often a record under the request's key may vanish or run out before it is given up.
const RECORD_TRIES: u32 = 3;

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
    let repeatable = Repeatable::from(&headers, "users", &asks);
    let repeatable = repeatable.map_err(|_| Problem::invalid_idempotency_key())?;
    let (id, now) = (deps.ids.new_id("usr"), deps.clock.now());
    let user = User::new(id, &request.email, request.name.clone(), now);
    let origin = user_events::origin(&context);
    let user = store(&deps, repeatable.as_ref(), &request, user, &origin).await?;
    let location = format!("/users/{}", user.id);
    let headers = [(LOCATION, location), (ETAG, etag(user.version))];
    Ok((StatusCode::CREATED, headers, Json(user)).into_response())
}

/// Stores the user, with the key's record if the request has one; answers the user of an earlier
/// request with the same key. The record comes first: a repeat meets its own address too, and must not
/// be told that it is taken.
async fn store(
    deps: &UserServiceDeps,
    repeatable: Option<&Repeatable>,
    request: &SignUp,
    user: User,
    origin: &Origin,
) -> Result<User, ApiError> {
    let event = user_events::created(&user)?;
    let mut expired: Option<UpdateTime> = None;
    for _ in 0..RECORD_TRIES {
        let record = repeatable.map(|it| it.remember(&user.id, user.created_at, expired));
        let writes = record.into_iter().chain(user.create()).collect();
        let stored = deps.outbox.store(writes, vec![event.clone()], origin);
        let failure = match stored.await {
            Ok(()) => return Ok(user),
            Err(failure) => failure,
        };
        let repeatable = match (&failure, repeatable) {
            (CommitError::Store(_), _) | (_, None) => return Err(failure.into()),
            (CommitError::Conflict(_) | CommitError::Contention(_), Some(it)) => it,
        };
        let record = deps.documents.get(repeatable.key()).await?;
        let known = record.map(|record| repeatable.compare(&record, deps.clock.now()));
        let known = known.transpose();
        expired = match known.map_err(|error| ApiError::Internal(error.into()))? {
            Some(Remembered::Same { id, at }) => {
                return Ok(User::new(id, &request.email, request.name.clone(), at));
            }
            Some(Remembered::Another) => return Err(Problem::idempotency_key_reused().into()),
            Some(Remembered::Expired(version)) => Some(version),
            None => None,
        };
        match failure {
            CommitError::Conflict(it) if it.key == *repeatable.key() => {}
            CommitError::Contention(_) => {}
            CommitError::Conflict(_) | CommitError::Store(_) => return Err(failure.into()),
        }
    }
    Err(ApiError::RequestInProgress)
}
