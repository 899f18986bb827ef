//! `GET /users/{id}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::ETAG;

use crate::UserServiceDeps;
use crate::api_error::ApiError;
use crate::stored_user::{StoredUser, user_id};
use crate::user::User;
use crate::version_tag::etag;

/// Read a user
#[utoipa::path(
    get,
    path = "/users/{id}",
    operation_id = "get_user",
    tag = "users",
    params(("id" = String, Path, description = "The user's id", example = "usr_01JD2V7Q4KA1B2C3D4E5F6G7H8")),
    responses((
        status = 200, description = "The user", body = User,
        headers(("ETag" = String, description = "The user's version, for `If-Match`"))
    ))
)]
pub(crate) async fn get_user(
    State(deps): State<UserServiceDeps>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let StoredUser { user, .. } = StoredUser::find(&deps, &user_id(id)?).await?;
    Ok(([(ETAG, etag(user.version))], Json(user)).into_response())
}
