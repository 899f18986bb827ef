//! `user.updated`: a user has another address or name.

use fanout_events::{
    DecodeError, Domain, EmailAddress, EventType, JsonFields, PersonName, Version,
};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `user.updated` 1.x: the whole new state, so that no older event is needed to read it.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UserUpdated {
    /// The user's id; the event's subject too.
    pub user_id: String,
    /// The address the user has now.
    pub email: EmailAddress,
    /// The name the user has now.
    pub name: PersonName,
}

impl EventType for UserUpdated {
    const TYPE: &'static str = "user.updated";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/user-updated/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        match version.major {
            1 => Ok(Self {
                user_id: data.identifier("user_id")?.to_owned(),
                email: data.parse("email", EmailAddress::parse)?,
                name: data.parse("name", PersonName::parse)?,
            }),
            _ => Err(version.unsupported::<Self>()),
        }
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("user_id", &self.user_id))
    }
}
