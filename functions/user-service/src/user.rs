//! A user, as stored and as answered.

use fanout_events::{EmailAddress, PersonName};
use fanout_runtime::{Timestamp, serialize_rfc3339};
use fanout_store::{Fields, Key, MalformedDocument, Write};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The collection of users.
pub const USERS: &str = "users";
/// The collection that keeps each address to one user.
pub const USER_EMAILS: &str = "user_emails";

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: EmailAddress,
    pub(crate) name: PersonName,
    /// Counts the changes from 1; also the sequence of the user's last event.
    pub(crate) version: u64,
    #[serde(serialize_with = "serialize_rfc3339")]
    pub(crate) created_at: Timestamp,
    #[serde(serialize_with = "serialize_rfc3339")]
    pub(crate) updated_at: Timestamp,
}

impl User {
    /// Where the user is stored.
    pub(crate) fn key(&self) -> Key {
        Key::new(USERS, &self.id)
    }

    /// Stores a new user. Place 0 is the user, place 1 the claim to the address.
    pub(crate) fn create(&self) -> [Write; 2] {
        let claim = Fields::new().with("user_id", self.id.as_str());
        [
            Write::create(self.key(), self.to_fields()),
            Write::create(address_key(&self.email), claim),
        ]
    }

    fn to_fields(&self) -> Fields {
        Fields::new()
            .with("email", self.email.expose())
            .with("name", self.name.expose())
            .with("version", self.version)
            .with("created_at", self.created_at)
            .with("updated_at", self.updated_at)
    }

    pub(crate) fn from_fields(id: &str, fields: &Fields) -> Result<Self, MalformedDocument> {
        let malformed = |field: &str, expected| MalformedDocument {
            field: field.to_owned(),
            expected,
        };
        Ok(Self {
            id: id.to_owned(),
            email: EmailAddress::parse(fields.text("email")?)
                .map_err(|_| malformed("email", "an e-mail address"))?,
            name: PersonName::parse(fields.text("name")?)
                .map_err(|_| malformed("name", "a name"))?,
            version: fields.count("version")?,
            created_at: fields.timestamp("created_at")?,
            updated_at: fields.timestamp("updated_at")?,
        })
    }
}

/// The document that only one user can have: its id is the SHA-256 of the lower-cased address, so
/// that no address is ever part of an id.
fn address_key(email: &EmailAddress) -> Key {
    let digest = Sha256::digest(email.expose().to_lowercase());
    Key::new(USER_EMAILS, &hex::encode(digest))
}
