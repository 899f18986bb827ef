//! `user.created`: a user signed up.

use fanout_events::{
    DecodeError, Domain, EmailAddress, EventType, JsonFields, PersonName, Version, WrongField,
};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `user.created` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UserCreated {
    /// The user's id; the event's subject too.
    pub user_id: String,
    /// The address the user signed up with.
    pub email: EmailAddress,
    /// The name the user signed up with.
    pub name: PersonName,
}

impl EventType for UserCreated {
    const TYPE: &'static str = "user.created";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/user-created/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        match (version.major, version.minor) {
            // What people type by hand: another name for the id.
            (0, 0) => Ok(Self::read(data, "userId")?),
            (1, _) => Ok(Self::read(data, "user_id")?),
            _ => Err(version.unsupported::<Self>()),
        }
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("user_id", &self.user_id))
    }
}

impl UserCreated {
    fn read(data: &JsonFields<'_>, id: &str) -> Result<Self, WrongField> {
        Ok(Self {
            user_id: data.identifier(id)?.to_owned(),
            email: data.parse("email", EmailAddress::parse)?,
            name: data.parse("name", PersonName::parse)?,
        })
    }
}
