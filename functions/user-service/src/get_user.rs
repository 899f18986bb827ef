//! `GET /users/{id}`

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use fanout_store::Key;
use http::header::ETAG;

use crate::UserServiceDeps;
use crate::api_error::ApiError;
use crate::user::{USERS, User};

pub(crate) async fn get_user(
    State(deps): State<UserServiceDeps>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let stored = deps.documents.get(&Key::new(USERS, &id)).await?;
    let document = stored.ok_or(ApiError::NoSuchUser)?;
    let user = User::from_fields(&id, &document.fields)
        .map_err(|error| ApiError::Internal(error.into()))?;
    let etag = format!("\"{}\"", user.version);
    Ok(([(ETAG, etag)], Json(user)).into_response())
}
