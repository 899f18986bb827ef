//! `DELETE /users/{id}`: the user goes, that there was one stays.

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use fanout_web::RequestContext;
use http::{HeaderMap, StatusCode};

use crate::UserServiceDeps;
use crate::api_error::ApiError;
use crate::change_conflict::Attempts;
use crate::stored_user::{StoredUser, user_id};
use crate::user_events;
use crate::version_tag::check_change;

/// Delete a user
///
/// The address can be used again at once.
#[utoipa::path(
    delete,
    path = "/users/{id}",
    operation_id = "delete_user",
    tag = "users",
    params(("id" = String, Path, description = "The user's id", example = "usr_01JD2V7Q4KA1B2C3D4E5F6G7H8")),
    responses((status = 204, description = "The user is gone, and `user.deleted` will be published"))
)]
pub(crate) async fn delete_user(
    State(deps): State<UserServiceDeps>,
    Extension(context): Extension<RequestContext>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let id = user_id(id)?;
    let origin = user_events::origin(&context);
    let mut attempts = Attempts::new(deps.ids.as_ref());
    loop {
        let StoredUser { user, version } = StoredUser::find(&deps, &id).await?;
        check_change(&headers, user.version)?;
        let gone = user.later(deps.clock.now());
        let event = user_events::deleted(&gone)?;
        let writes = gone.remove(version);
        match deps.outbox.store(writes, vec![event], &origin).await {
            Ok(()) => return Ok(StatusCode::NO_CONTENT),
            Err(error) => attempts.again_after(error).await?,
        }
    }
}
