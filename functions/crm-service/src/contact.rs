//! A contact, as stored and as answered.

use fanout_events::{EmailAddress, Event, PersonName};
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

/// What is stored under a user's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoredContact {
    /// A user that is there.
    Present(Contact),
    /// A user that is gone. Stays for ever, so that a late event brings nobody back; holds nothing
    /// personal.
    Tombstone {
        /// The sequence of the deletion.
        version: u64,
    },
}

/// Where a user's contact is stored.
pub(crate) fn contact_key(user_id: &str) -> Key {
    Key::new(CONTACTS, user_id)
}

/// The fields of a tombstone left by this event.
pub(crate) fn tombstone(event: &Event) -> Fields {
    Fields::new()
        .with("user_id", event.subject.as_str())
        .with("version", event.sequence)
        .with("deleted_at", event.timestamp)
}

impl StoredContact {
    pub(crate) fn version(&self) -> u64 {
        match self {
            Self::Present(contact) => contact.version,
            Self::Tombstone { version } => *version,
        }
    }

    pub(crate) fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let version = fields.count("version")?;
        if fields.optional_timestamp("deleted_at")?.is_some() {
            return Ok(Self::Tombstone { version });
        }
        let malformed = |field: &str, expected| MalformedDocument {
            field: field.to_owned(),
            expected,
        };
        Ok(Self::Present(Contact {
            user_id: fields.text("user_id")?.to_owned(),
            email: EmailAddress::parse(fields.text("email")?)
                .map_err(|_| malformed("email", "an e-mail address"))?,
            name: PersonName::parse(fields.text("name")?)
                .map_err(|_| malformed("name", "a name"))?,
            source: fields.text("source")?.to_owned(),
            version,
            created_at: fields.timestamp("created_at")?,
            updated_at: fields.timestamp("updated_at")?,
        }))
    }
}

impl Contact {
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
}
