//! `PATCH /users/{id}`: another address or name, and an event with the whole new state.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use fanout_web::RequestContext;
use http::HeaderMap;
use http::header::ETAG;

use crate::UserServiceDeps;
use crate::api_error::ApiError;
use crate::change_conflict::Attempts;
use crate::request_schema::UserChanges;
use crate::stored_user::{StoredUser, user_id};
use crate::user::{Changes, User};
use crate::user_events;
use crate::version_tag::{check_change, etag};

/// Change a user's address or name
///
/// Fields that are absent stay as they are. A change that leaves everything as it is makes no new
/// version and publishes nothing, so a request whose answer was lost can be sent again.
#[utoipa::path(
    patch,
    path = "/users/{id}",
    operation_id = "update_user",
    tag = "users",
    params(("id" = String, Path, description = "The user's id", example = "usr_01JD2V7Q4KA1B2C3D4E5F6G7H8")),
    request_body(content((UserChanges = "application/merge-patch+json"), (UserChanges = "application/json"))),
    responses((
        status = 200, body = User,
        description = "The user as it is now, and `user.updated` will be published if that is news",
        headers(("ETag" = String, description = "The user's version, for `If-Match`"))
    ))
)]
pub(crate) async fn update_user(
    State(deps): State<UserServiceDeps>,
    Extension(context): Extension<RequestContext>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let id = user_id(id)?;
    let changes = Changes::read(&headers, body).await?;
    let origin = user_events::origin(&context);
    let mut attempts = Attempts::new(deps.ids.as_ref());
    loop {
        let StoredUser { user, version } = StoredUser::find(&deps, &id).await?;
        check_change(&headers, user.version)?;
        let Some(after) = user.changed(&changes, deps.clock.now()) else {
            return Ok(answer(user));
        };
        let event = user_events::updated(&after)?;
        let writes = after.replace(&user, version);
        match deps.outbox.store(writes, vec![event], &origin).await {
            Ok(()) => return Ok(answer(after)),
            Err(error) => attempts.again_after(error).await?,
        }
    }
}

fn answer(user: User) -> Response {
    ([(ETAG, etag(user.version))], Json(user)).into_response()
}
