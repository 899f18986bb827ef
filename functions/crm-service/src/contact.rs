//! A contact, as stored and as answered.

use fanout_events::{EmailAddress, Event, PersonName, UserCreated};
use fanout_runtime::{Timestamp, serialize_rfc3339};
use fanout_store::{Fields, Key, MalformedDocument};
use serde::Serialize;

/// The collection of contacts.
pub const CONTACTS: &str = "contacts";

/// What the CRM knows of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Contact {
    pub(crate) user_id: String,
    pub(crate) email: EmailAddress,
    pub(crate) name: PersonName,
    /// The service that told of the user; `manual` for an event typed by hand.
    pub(crate) source: String,
    /// The sequence of the last event that was applied: what keeps older ones out.
    pub(crate) version: u64,
    #[serde(serialize_with = "serialize_rfc3339")]
    pub(crate) created_at: Timestamp,
    #[serde(serialize_with = "serialize_rfc3339")]
    pub(crate) updated_at: Timestamp,
}

/// Where a user's contact is stored.
pub(crate) fn contact_key(user_id: &str) -> Key {
    Key::new(CONTACTS, user_id)
}

impl Contact {
    /// The contact that a sign-up makes.
    pub(crate) fn created_by(event: &Event, user: &UserCreated) -> Self {
        Self {
            user_id: event.subject.clone(),
            email: user.email.clone(),
            name: user.name.clone(),
            source: event.source.clone(),
            version: event.sequence,
            created_at: event.timestamp,
            updated_at: event.timestamp,
        }
    }

    pub(crate) fn to_fields(&self) -> Fields {
        Fields::new()
            .with("user_id", self.user_id.as_str())
            .with("email", self.email.expose())
            .with("name", self.name.expose())
            .with("source", self.source.as_str())
            .with("version", self.version)
            .with("created_at", self.created_at)
            .with("updated_at", self.updated_at)
    }

    pub(crate) fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let malformed = |field: &str, expected| MalformedDocument {
            field: field.to_owned(),
            expected,
        };
        Ok(Self {
            user_id: fields.text("user_id")?.to_owned(),
            email: EmailAddress::parse(fields.text("email")?)
                .map_err(|_| malformed("email", "an e-mail address"))?,
            name: PersonName::parse(fields.text("name")?)
                .map_err(|_| malformed("name", "a name"))?,
            source: fields.text("source")?.to_owned(),
            version: fields.count("version")?,
            created_at: fields.timestamp("created_at")?,
            updated_at: fields.timestamp("updated_at")?,
        })
    }
}
