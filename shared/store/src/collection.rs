//! Collections, as the crates that own them declare them.

use std::fmt;

use crate::{Direction, Order};

/// A collection of documents: its name, and what a store must keep for it.
///
/// Declared once, as a constant beside the code that owns the data; every [`crate::Key`] and
/// [`crate::Query`] carries it.
///
/// ```
/// use fanout_store::{Collection, ascending};
///
/// pub const EMAILS: &Collection = &Collection::named("emails")
///     .indexes(&[&[ascending("user_id"), ascending("sent_at")]]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Collection {
    /// Its name.
    pub name: &'static str,
    /// One for each kind of query, those on a single field too; see [`crate::Query`].
    pub indexes: &'static [Index],
    /// Whether Firestore also indexes every single field by itself, as it does unless it is told.
    pub automatic_indexes: bool,
    /// The field with the moment from which on the store may delete a document. It deletes late:
    /// every reader compares the field itself.
    pub expires_by: Option<&'static str>,
    /// Whether ids are made of personal data, and so are never shown.
    pub private: bool,
}

/// The fields of an index: those that a query compares for equality, then those of its full order.
/// The document's id follows by itself.
pub type Index = &'static [Order];

/// A field of an index or an order, smallest first.
pub const fn ascending(field: &'static str) -> Order {
    let direction = Direction::Ascending;
    Order { field, direction }
}

/// A field of an index or an order, largest first.
pub const fn descending(field: &'static str) -> Order {
    let direction = Direction::Descending;
    Order { field, direction }
}

impl Collection {
    /// A collection that is only read by key and listed by id.
    pub const fn named(name: &'static str) -> Self {
        Self {
            name,
            indexes: &[],
            automatic_indexes: true,
            expires_by: None,
            private: false,
        }
    }

    /// With these indexes.
    pub const fn indexes(self, indexes: &'static [Index]) -> Self {
        Self { indexes, ..self }
    }

    /// Without an index on each single field: one on a time that only grows holds all writes of the
    /// collection to a few hundred a second.
    pub const fn no_automatic_indexes(mut self) -> Self {
        self.automatic_indexes = false;
        self
    }

    /// Whose documents end at the moment in this field.
    pub const fn expires_by(mut self, field: &'static str) -> Self {
        self.expires_by = Some(field);
        self
    }

    /// Whose ids are never shown.
    pub const fn private(mut self) -> Self {
        self.private = true;
        self
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

impl fmt::Debug for Collection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Collection({})", self.name)
    }
}
