//! A contact, as it is known, stored and answered.

use std::cmp::{max_by, min};

use fanout_contracts::user::{UserCreated, UserDeleted, UserUpdated};
use fanout_events::{EmailAddress, Envelope, PersonName};
use fanout_runtime::{Timestamp, serialize_rfc3339, whole_milliseconds};
use fanout_store::{Collection, Fields, Key, MalformedDocument, Value, ascending};
use serde::Serialize;

/// The collection of contacts.
pub const CONTACTS: &Collection =
    &Collection::named("contacts").indexes(&[&[ascending("deleted_at")]]);

/// What a user's events say of the user: a function of which events have come, never of their order
/// or number. One event says something by itself ([`Known::from_event`]), and what two sets of events
/// say is joined ([`Known::join`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) user_id: String,
    pub(crate) first: FirstEvent,
    pub(crate) last: LastEvent,
}

/// The event with the lowest sequence that has come. `user.created` has the lowest there is; until it
/// comes, the first is the best guess. Ordered as the fields are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FirstEvent {
    sequence: u64,
    at: Timestamp,
    event_id: String,
    /// The service that told of the user first; `manual` for an event typed by hand.
    source: String,
}

/// The event with the highest sequence that has come: what keeps older ones out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastEvent {
    sequence: u64,
    at: Timestamp,
    event_id: String,
    user: User,
}

/// A user, as the last event leaves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum User {
    Present {
        email: EmailAddress,
        name: PersonName,
    },
    /// Gone. What is stored of such a user stays for ever, so that no late event brings the user back;
    /// it holds nothing personal.
    Deleted,
}

/// The data of an event that says what a user is now.
pub(crate) trait Tells {
    /// The user as this event leaves them.
    fn user(&self) -> User;
}

impl Tells for UserCreated {
    fn user(&self) -> User {
        User::present(&self.email, &self.name)
    }
}

impl Tells for UserUpdated {
    fn user(&self) -> User {
        User::present(&self.email, &self.name)
    }
}

impl Tells for UserDeleted {
    fn user(&self) -> User {
        User::Deleted
    }
}

impl User {
    fn present(email: &EmailAddress, name: &PersonName) -> Self {
        Self::Present {
            email: email.clone(),
            name: name.clone(),
        }
    }
}

/// What the CRM answers of a user who is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Contact {
    user_id: String,
    email: EmailAddress,
    name: PersonName,
    source: String,
    version: u64,
    #[serde(serialize_with = "serialize_rfc3339")]
    created_at: Timestamp,
    #[serde(serialize_with = "serialize_rfc3339")]
    updated_at: Timestamp,
    first_event_id: String,
    last_event_id: String,
}

pub(crate) fn contact_key(user_id: &str) -> Key {
    Key::new(CONTACTS, user_id)
}

impl Known {
    /// What one event says by itself.
    pub(crate) fn from_event(event: &Envelope<impl Tells>) -> Self {
        // What is stored has milliseconds; it must compare as it was when it is read back.
        let at = whole_milliseconds(event.timestamp);
        Self {
            user_id: event.subject.clone(),
            first: FirstEvent {
                sequence: event.sequence,
                at,
                event_id: event.id.clone(),
                source: event.source.clone(),
            },
            last: LastEvent {
                sequence: event.sequence,
                at,
                event_id: event.id.clone(),
                user: event.data.user(),
            },
        }
    }

    /// What both say together. Joining in another order, or one of them twice, gives the same.
    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            user_id: self.user_id,
            first: min(self.first, other.first),
            // Of two that are equal `max_by` takes the second: what is known stays.
            last: max_by(other.last, self.last, |a, b| a.rank().cmp(&b.rank())),
        }
    }

    pub(crate) fn into_contact(self) -> Option<Contact> {
        let User::Present { email, name } = self.last.user else {
            return None;
        };
        Some(Contact {
            user_id: self.user_id,
            email,
            name,
            source: self.first.source,
            version: self.last.sequence,
            created_at: self.first.at,
            updated_at: self.last.at,
            first_event_id: self.first.event_id,
            last_event_id: self.last.event_id,
        })
    }

    pub(crate) fn to_fields(&self) -> Fields {
        let fields = Fields::new()
            .with("user_id", self.user_id.as_str())
            .with("source", self.first.source.as_str())
            .with("created_at", self.first.at)
            .with("first_event_id", self.first.event_id.as_str())
            .with("first_sequence", self.first.sequence)
            .with("last_event_id", self.last.event_id.as_str())
            .with("version", self.last.sequence);
        match &self.last.user {
            User::Present { email, name } => fields
                .with("email", email.expose())
                .with("name", name.expose())
                .with("updated_at", self.last.at)
                // Present, so that a query can ask for it.
                .with("deleted_at", Value::Null),
            User::Deleted => fields.with("deleted_at", self.last.at),
        }
    }

    pub(crate) fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let (at, user) = match fields.optional_timestamp("deleted_at")? {
            Some(deleted_at) => (deleted_at, User::Deleted),
            None => (fields.timestamp("updated_at")?, present_in(fields)?),
        };
        Ok(Self {
            user_id: fields.text("user_id")?.to_owned(),
            first: FirstEvent {
                sequence: fields.count("first_sequence")?,
                at: fields.timestamp("created_at")?,
                event_id: fields.text("first_event_id")?.to_owned(),
                source: fields.text("source")?.to_owned(),
            },
            last: LastEvent {
                sequence: fields.count("version")?,
                at,
                event_id: fields.text("last_event_id")?.to_owned(),
                user,
            },
        })
    }
}

fn present_in(fields: &Fields) -> Result<User, MalformedDocument> {
    Ok(User::Present {
        email: EmailAddress::stored(fields.text("email")?),
        name: PersonName::stored(fields.text("name")?),
    })
}

impl LastEvent {
    /// What is higher comes later. Only events without a number share a sequence, as those typed
    /// by hand do: of these a deletion is the last, then the youngest.
    fn rank(&self) -> (u64, bool, Timestamp, &str) {
        let deleted = self.user == User::Deleted;
        (self.sequence, deleted, self.at, &self.event_id)
    }
}
