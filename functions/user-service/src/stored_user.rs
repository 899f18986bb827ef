//! Finding a user.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use fanout_store::UpdateTime;

use crate::UserServiceDeps;
use crate::api_error::ApiError;
use crate::user::User;

/// A user as it was read, and the version of its document.
pub(crate) struct StoredUser {
    pub(crate) user: User,
    pub(crate) version: UpdateTime,
}

impl StoredUser {
    /// The user of this id, unless there is none or it has been deleted.
    pub(crate) async fn find(deps: &UserServiceDeps, id: &str) -> Result<Self, ApiError> {
        let found = deps.documents.get(&User::key(id)).await?;
        let document = found.ok_or(ApiError::NoSuchUser)?;
        let user = User::from_fields(id, &document.fields)
            .map_err(|error| ApiError::Internal(error.into()))?
            .ok_or(ApiError::NoSuchUser)?;
        let version = document.update_time;
        Ok(Self { user, version })
    }
}

/// The id in a path. One that is not UTF-8 is no user's.
pub(crate) fn user_id(path: Result<Path<String>, PathRejection>) -> Result<String, ApiError> {
    let Path(id) = path.map_err(|_| ApiError::NoSuchUser)?;
    Ok(id)
}
