//! What is kept of a user that mails go to: that there were mails, or that the user is gone.
//!
//! It stands between `user.created` and `user.deleted`, which come in any order and at the same
//! time: whoever changes a user's records changes this document in the same commit, on condition
//! that it is as it was read. So no record of a deleted user can be committed late.

use fanout_consume::View;
use fanout_events::Envelope;
use fanout_store::{
    Collection, Document, Fields, Key, MalformedDocument, Precondition, ReadError, Write,
};

/// The collection of recipients. No address in it, only ids.
pub const EMAIL_RECIPIENTS: &Collection = &Collection::named("email_recipients");

/// A user that mails go to, as it was read.
pub(crate) struct Recipient {
    is_gone: bool,
    version: Precondition,
}

impl Recipient {
    /// Somebody who has had no mail yet.
    pub(crate) const NEW: Self = Self {
        is_gone: false,
        version: Precondition::Absent,
    };

    pub(crate) async fn read(view: &View<'_>, user_id: &str) -> Result<Self, ReadError> {
        let stored = view.get(&key(user_id)).await?;
        let known = stored.as_ref().map(Self::from_document).transpose()?;
        Ok(known.unwrap_or(Self::NEW))
    }

    /// Whether the user was deleted. That is for ever.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Remembers that the event's user had a mail. Each event changes the document, which it has
    /// to: Firestore leaves the version of a document as it is when a write changes nothing.
    pub(crate) fn had_mail<T>(&self, event: &Envelope<T>) -> Write {
        let fields = Fields::new()
            .with("user_id", event.subject.as_str())
            .with("last_event_id", event.id.as_str());
        Write::set(key(&event.subject), fields).only_if(self.version)
    }

    /// Remembers for ever that the event's user is gone.
    pub(crate) fn has_left<T>(&self, event: &Envelope<T>) -> Write {
        let fields = Fields::new()
            .with("user_id", event.subject.as_str())
            .with("deleted_at", event.timestamp);
        Write::set(key(&event.subject), fields).only_if(self.version)
    }

    fn from_document(document: &Document) -> Result<Self, MalformedDocument> {
        let deleted_at = document.fields.optional_timestamp("deleted_at")?;
        Ok(Self {
            is_gone: deleted_at.is_some(),
            version: Precondition::UpdatedAt(document.update_time),
        })
    }
}

fn key(user_id: &str) -> Key {
    Key::new(EMAIL_RECIPIENTS, user_id)
}
