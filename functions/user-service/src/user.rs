//! A user, as stored and as answered.

use fanout_events::{EmailAddress, PersonName};
use fanout_runtime::{Timestamp, serialize_rfc3339};
use fanout_store::{Collection, Fields, Key, MalformedDocument, UpdateTime, Write};
use serde::Serialize;
use utoipa::ToSchema;

use crate::address::Address;

/// The collection of users.
pub const USERS: &Collection = &Collection::named("users");
/// The collection that keeps each address to one user.
pub const USER_EMAILS: &Collection = &Collection::named("user_emails").private();

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "usr_01JD2V7Q4KA1B2C3D4E5F6G7H8",
    "email": "test@example.com",
    "name": "Test User",
    "version": 1,
    "created_at": "2026-11-20T12:00:00.000Z",
    "updated_at": "2026-11-20T12:00:00.000Z"
}))]
pub(crate) struct User {
    pub(crate) id: String,
    /// As typed, but composed (NFC).
    #[schema(value_type = String)]
    pub(crate) email: EmailAddress,
    /// The id of the document that keeps the address to this user.
    #[serde(skip)]
    pub(crate) email_id: String,
    #[schema(value_type = String)]
    pub(crate) name: PersonName,
    /// Counts the changes from 1; also the sequence of the user's last event.
    #[schema(minimum = 1)]
    pub(crate) version: u64,
    #[serde(serialize_with = "serialize_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    #[serde(serialize_with = "serialize_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Timestamp,
}

/// What a user is asked to become. `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    pub(crate) email: Option<Address>,
    pub(crate) name: Option<PersonName>,
}

impl User {
    /// A user who signs up.
    pub(crate) fn new(id: String, email: &Address, name: PersonName, now: Timestamp) -> Self {
        Self {
            id,
            email: email.kept().clone(),
            email_id: email.id().to_owned(),
            name,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The same user after these changes; `None` if they change nothing.
    pub(crate) fn changed(&self, changes: &Changes, now: Timestamp) -> Option<Self> {
        let mut after = self.clone();
        if let Some(email) = &changes.email {
            after.email = email.kept().clone();
            after.email_id = email.id().to_owned();
        }
        if let Some(name) = &changes.name {
            after.name = name.clone();
        }
        (after != *self).then(|| after.later(now))
    }

    /// The same one change later, if only that the user leaves.
    pub(crate) fn later(self, now: Timestamp) -> Self {
        Self {
            version: self.version + 1,
            updated_at: now.max(self.updated_at),
            ..self
        }
    }

    pub(crate) fn key(id: &str) -> Key {
        Key::new(USERS, id)
    }

    /// The writes that store a new user: the user, and the claim to the address.
    pub(crate) fn create(&self) -> Vec<Write> {
        let user = Write::create(Self::key(&self.id), self.to_fields());
        vec![user, self.claim_address()]
    }

    /// The writes that put this in the place of `before`, if that still has this version. A new
    /// address is claimed and the old one let go with it.
    pub(crate) fn replace(&self, before: &Self, version: UpdateTime) -> Vec<Write> {
        let mut writes = vec![Write::replace(
            Self::key(&self.id),
            self.to_fields(),
            version,
        )];
        if self.email_id != before.email_id {
            writes.push(self.claim_address());
            writes.push(before.release_address());
        }
        writes
    }

    /// The writes that leave of the user only that there was one, if it still has this version.
    /// Its address can be used again.
    pub(crate) fn remove(&self, version: UpdateTime) -> Vec<Write> {
        let tombstone = Write::replace(Self::key(&self.id), self.to_tombstone(), version);
        vec![tombstone, self.release_address()]
    }

    fn claim_address(&self) -> Write {
        let claim = Fields::new().with("user_id", self.id.as_str());
        Write::create(Key::new(USER_EMAILS, &self.email_id), claim)
    }

    /// Needs no precondition: the claim is the user's as long as the user has the address.
    fn release_address(&self) -> Write {
        Write::delete(Key::new(USER_EMAILS, &self.email_id))
    }

    fn to_fields(&self) -> Fields {
        Fields::new()
            .with("email", self.email.expose())
            .with("email_id", self.email_id.as_str())
            .with("name", self.name.expose())
            .with("version", self.version)
            .with("created_at", self.created_at)
            .with("updated_at", self.updated_at)
    }

    /// What stays of a user who was deleted, beside the id: nothing personal. The version is the
    /// sequence of `user.deleted`.
    fn to_tombstone(&self) -> Fields {
        Fields::new()
            .with("version", self.version)
            .with("deleted_at", self.updated_at)
    }

    /// The stored user; `None` if it has been deleted.
    pub(crate) fn from_fields(
        id: &str,
        fields: &Fields,
    ) -> Result<Option<Self>, MalformedDocument> {
        if fields.optional_timestamp("deleted_at")?.is_some() {
            return Ok(None);
        }
        Ok(Some(Self {
            id: id.to_owned(),
            email: EmailAddress::stored(fields.text("email")?),
            email_id: fields.text("email_id")?.to_owned(),
            name: PersonName::stored(fields.text("name")?),
            version: fields.count("version")?,
            created_at: fields.timestamp("created_at")?,
            updated_at: fields.timestamp("updated_at")?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_user_is_read_as_it_was_and_what_stays_of_a_deleted_one_is_no_user() {
        let email = Address::parse("ada@example.com").unwrap();
        let name = PersonName::parse("Ada").unwrap();
        let user = User::new("usr_1".into(), &email, name, Timestamp::UNIX_EPOCH);
        let stored = User::from_fields("usr_1", &user.to_fields());
        let deleted = User::from_fields("usr_1", &user.to_tombstone());
        assert_eq!((stored, deleted), (Ok(Some(user)), Ok(None)));
    }
}
