//! What is published of a user.

use fanout_contracts::user::{UserCreated, UserDeleted, UserUpdated};
use fanout_events::EventType;
use fanout_outbox::{Draft, Origin};
use fanout_web::RequestContext;

use crate::api_error::ApiError;
use crate::user::User;

/// What the events of a request follow from.
pub(crate) fn origin(context: &RequestContext) -> Origin {
    Origin {
        correlation_id: Some(context.correlation_id.clone()),
        causation_id: None,
        trace: context.trace.clone(),
    }
}

/// `user.created`, to be stored with the user.
pub(crate) fn created(user: &User) -> Result<Draft, ApiError> {
    let data = UserCreated {
        user_id: user.id.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
    };
    draft(user, &data)
}

/// `user.updated`: the whole new state.
pub(crate) fn updated(user: &User) -> Result<Draft, ApiError> {
    let data = UserUpdated {
        user_id: user.id.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
    };
    draft(user, &data)
}

/// `user.deleted`, to be stored with what stays of the user.
pub(crate) fn deleted(user: &User) -> Result<Draft, ApiError> {
    let data = UserDeleted {
        user_id: user.id.clone(),
    };
    draft(user, &data)
}

/// About the user as they are now, at the time of the change that made them so.
fn draft(user: &User, data: &impl EventType) -> Result<Draft, ApiError> {
    let draft = Draft::of(&user.id, user.version, data);
    let draft = draft.map_err(|error| ApiError::Internal(error.into()))?;
    Ok(draft.at(user.updated_at))
}
