//! What is published of a user.

use fanout_events::{Envelope, Event, Payload, UserCreated, UserDeleted, UserUpdated};
use fanout_outbox::Pending;
use fanout_runtime::Timestamp;

use crate::UserServiceDeps;
use crate::api_error::ApiError;
use crate::correlation::RequestContext;
use crate::user::{Tombstone, User};

/// `user.created`, ready to be committed with the user.
pub(crate) fn created(
    user: &User,
    deps: &UserServiceDeps,
    context: &RequestContext,
) -> Result<Pending, ApiError> {
    let data = Payload::UserCreated(UserCreated {
        user_id: user.id.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
    });
    prepare(&user.id, user.version, user.created_at, data, deps, context)
}

/// `user.updated`: the whole new state.
pub(crate) fn updated(
    user: &User,
    deps: &UserServiceDeps,
    context: &RequestContext,
) -> Result<Pending, ApiError> {
    let data = Payload::UserUpdated(UserUpdated {
        user_id: user.id.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
    });
    prepare(&user.id, user.version, user.updated_at, data, deps, context)
}

/// `user.deleted`
pub(crate) fn deleted(
    id: &str,
    deleted: &Tombstone,
    deps: &UserServiceDeps,
    context: &RequestContext,
) -> Result<Pending, ApiError> {
    let data = Payload::UserDeleted(UserDeleted {
        user_id: id.to_owned(),
    });
    let Tombstone {
        version,
        deleted_at,
    } = *deleted;
    prepare(id, version, deleted_at, data, deps, context)
}

fn prepare(
    user_id: &str,
    sequence: u64,
    timestamp: Timestamp,
    data: Payload,
    deps: &UserServiceDeps,
    context: &RequestContext,
) -> Result<Pending, ApiError> {
    let event: Event = Envelope {
        id: deps.ids.new_id("evt"),
        event_type: data.event_type().to_owned(),
        source: "user-service".to_owned(),
        subject: user_id.to_owned(),
        sequence,
        timestamp,
        correlation_id: Some(context.correlation_id.clone()),
        causation_id: None,
        metadata: data.metadata(),
        data,
    };
    let pending = deps.outbox.prepare(&event, context.trace.as_ref());
    pending.map_err(|error| ApiError::Internal(error.into()))
}
