//! `user.deleted`: a user is gone.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `user.deleted` 1.x. Nothing personal: the event outlives the user.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UserDeleted {
    /// The user's id; the event's subject too.
    pub user_id: String,
}

impl EventType for UserDeleted {
    const TYPE: &'static str = "user.deleted";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/user-deleted/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        match version.major {
            1 => Ok(Self {
                user_id: data.identifier("user_id")?.to_owned(),
            }),
            _ => Err(version.unsupported::<Self>()),
        }
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("user_id", &self.user_id))
    }
}
