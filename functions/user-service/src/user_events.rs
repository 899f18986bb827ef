//! What is published of a user.

use fanout_contracts::user::{UserCreated, UserDeleted, UserUpdated};
use fanout_events::EventType;
use fanout_outbox::Draft;
use fanout_runtime::Timestamp;

use crate::api_error::ApiError;
use crate::user::{Tombstone, User};

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

/// `user.deleted`
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
