//! What is published of a user.

use fanout_contracts::user::{UserCreated, UserDeleted, UserUpdated};
use fanout_events::EventType;
use fanout_outbox::{Draft, Origin};
use fanout_runtime::Timestamp;
use fanout_web::RequestContext;

use crate::api_error::ApiError;
use crate::user::{Tombstone, User};

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
    draft(&user.id, user.version, user.created_at, &data)
}

/// `user.updated`: the whole new state.
pub(crate) fn updated(user: &User) -> Result<Draft, ApiError> {
    let data = UserUpdated {
        user_id: user.id.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
    };
    draft(&user.id, user.version, user.updated_at, &data)
}

pub(crate) fn deleted(id: &str, tombstone: &Tombstone) -> Result<Draft, ApiError> {
    let data = UserDeleted {
        user_id: id.to_owned(),
    };
    draft(id, tombstone.version, tombstone.deleted_at, &data)
}

fn draft(
    user_id: &str,
    sequence: u64,
    timestamp: Timestamp,
    data: &impl EventType,
) -> Result<Draft, ApiError> {
    let draft = Draft::of(user_id, sequence, data);
    let draft = draft.map_err(|error| ApiError::Internal(error.into()))?;
    Ok(draft.at(timestamp))
}
