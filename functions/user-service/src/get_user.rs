//! `GET /users/{id}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::ETAG;
use http::{HeaderMap, StatusCode};

use crate::UserServiceDeps;
use crate::api_error::ApiError;
use crate::stored_user::{StoredUser, user_id};
use crate::user::User;
use crate::version_tag::{check_read, etag};

/// Read a user
#[utoipa::path(
    get,
    path = "/users/{id}",
    operation_id = "get_user",
    tag = "users",
    params(("id" = String, Path, description = "The user's id", example = "usr_01JD2V7Q4KA1B2C3D4E5F6G7H8")),
    responses(
        (
            status = 200, description = "The user", body = User,
            headers(("ETag" = String, description = "The user's version, for `If-Match`"))
        ),
        (
            status = 304, description = "The user still has a version that `If-None-Match` lists",
            headers(("ETag" = String, description = "The user's version"))
        )
    )
)]
pub(crate) async fn get_user(
    State(deps): State<UserServiceDeps>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let StoredUser { user, .. } = StoredUser::find(&deps, &user_id(id)?).await?;
    let tag = [(ETAG, etag(user.version))];
    Ok(if check_read(&headers, user.version)? {
        (StatusCode::NOT_MODIFIED, tag).into_response()
    } else {
        (tag, Json(user)).into_response()
    })
}
