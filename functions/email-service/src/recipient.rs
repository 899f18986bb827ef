//! What is kept of a user that mails go to: address and name as last told, or that the user is gone.
//!
//! It stands between `user.created` and `user.deleted`, which come in any order and at the same
//! time: a reaction that changes a user's records changes this document in the same commit, on condition
//! that it is as it was read. So no record of a deleted user can be committed late.

use fanout_consume::View;
use fanout_events::{EmailAddress, Envelope, PersonName};
use fanout_store::{
    Collection, Document, Fields, Key, MalformedDocument, Precondition, ReadError, Write,
};

/// The collection of recipients. Their addresses and names are in it, until they leave.
pub const EMAIL_RECIPIENTS: &Collection =
    &Collection::named("email_recipients").no_automatic_indexes();

/// A user that mails go to, as it was read.
pub(crate) struct Recipient {
    standing: Standing,
    version: Precondition,
}

/// What is known of a user.
enum Standing {
    /// Nothing was told of where mails go.
    Unknown,
    Known(Known),
    /// The user was deleted. That is for ever.
    Gone,
}

/// Where a user's mails go, and what the user is called in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) email: EmailAddress,
    pub(crate) name: PersonName,
    /// The event of the user that told it.
    pub(crate) sequence: u64,
}

impl Recipient {
    /// A user of whom nothing is known yet.
    pub(crate) const NEW: Self = Self {
        standing: Standing::Unknown,
        version: Precondition::Absent,
    };

    pub(crate) async fn read(view: &View<'_>, user_id: &str) -> Result<Self, ReadError> {
        let stored = view.get(&key(user_id)).await?;
        let known = stored.as_ref().map(Self::from_document).transpose()?;
        Ok(known.unwrap_or(Self::NEW))
    }

    /// Whether the user was deleted. That is for ever.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.standing, Standing::Gone)
    }

    /// Where the user's mails go, if that is known.
    pub(crate) fn known(&self) -> Option<&Known> {
        match &self.standing {
            Standing::Known(known) => Some(known),
            Standing::Unknown | Standing::Gone => None,
        }
    }

    /// Remembers what an event tells of the user, unless a later one has told more. Each event
    /// changes the document, which it has to: Firestore leaves the version of a document as it is
    /// when a write changes nothing.
    pub(crate) fn told(&self, user_id: &str, event_id: &str, told: &Known) -> Write {
        let newest = self.known().filter(|known| known.sequence > told.sequence);
        self.write(user_id, event_id, Some(newest.unwrap_or(told)))
    }

    /// Remembers that the user had a mail because of an event.
    pub(crate) fn had_mail(&self, user_id: &str, event_id: &str) -> Write {
        self.write(user_id, event_id, self.known())
    }

    /// Remembers for ever that the event's user is gone, and nothing else.
    pub(crate) fn has_left<T>(&self, event: &Envelope<T>) -> Write {
        let fields = Fields::new()
            .with("user_id", event.subject.as_str())
            .with("deleted_at", event.timestamp);
        Write::set(key(&event.subject), fields).only_if(self.version)
    }

    fn write(&self, user_id: &str, event_id: &str, known: Option<&Known>) -> Write {
        let fields = Fields::new()
            .with("user_id", user_id)
            .with("last_event_id", event_id)
            .with("email", known.map(|it| it.email.expose()))
            .with("name", known.map(|it| it.name.expose()))
            .with("sequence", known.map(|it| it.sequence));
        Write::set(key(user_id), fields).only_if(self.version)
    }

    fn from_document(document: &Document) -> Result<Self, MalformedDocument> {
        let fields = &document.fields;
        let gone = fields.optional_timestamp("deleted_at")?.is_some();
        let standing = match (gone, fields.optional_text("email")?) {
            (true, _) => Standing::Gone,
            (false, None) => Standing::Unknown,
            (false, Some(email)) => Standing::Known(Known {
                email: EmailAddress::stored(email),
                name: PersonName::stored(fields.text("name")?),
                sequence: fields.count("sequence")?,
            }),
        };
        Ok(Self {
            standing,
            version: Precondition::UpdatedAt(document.update_time),
        })
    }
}

fn key(user_id: &str) -> Key {
    Key::new(EMAIL_RECIPIENTS, user_id)
}
