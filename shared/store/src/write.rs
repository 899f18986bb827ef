//! Writes: what a commit is made of.

use std::collections::BTreeSet;

use crate::{Conflict, Fields, Key, UpdateTime, Violation};

/// One document's change within a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The document.
    pub key: Key,
    /// What becomes of it.
    pub content: Content,
    /// Applied after `content`, in this order.
    pub increments: Vec<Increment>,
    /// What must be true of the document, or the whole commit does not happen.
    pub precondition: Precondition,
}

/// What becomes of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Exactly these fields; others go.
    Set(Fields),
    /// These fields are set, those go, others stay. A missing document is created.
    Merge(Fields, BTreeSet<String>),
    /// The document goes. A missing one is no error (unless the precondition says so).
    Delete,
}

/// Adds to a number, as the store computes it from what is there, so that writers never race. A missing
/// field, or one that is no number, counts as 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Increment {
    /// The field.
    pub field: String,
    /// How much is added.
    pub by: i64,
}

/// What must be true of a document before a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Anything goes.
    None,
    /// It must not exist.
    Absent,
    /// It must exist.
    Exists,
    /// It must exist and not have changed since it had this version.
    UpdatedAt(UpdateTime),
}

impl Precondition {
    /// What a document violates that has this version, or is not there.
    pub fn violation(self, current: Option<UpdateTime>) -> Option<Violation> {
        let holds = match self {
            Self::None => true,
            Self::Absent => current.is_none(),
            Self::Exists => current.is_some(),
            Self::UpdatedAt(version) => current == Some(version),
        };
        if holds { None } else { self.if_broken() }
    }

    /// What is violated if it does not hold; `None` if it always does.
    pub fn if_broken(self) -> Option<Violation> {
        match self {
            Self::None => None,
            Self::Absent => Some(Violation::AlreadyExists),
            Self::Exists => Some(Violation::Missing),
            Self::UpdatedAt(_) => Some(Violation::Changed),
        }
    }
}

impl Write {
    /// Creates a document that must not exist.
    pub fn create(key: Key, fields: Fields) -> Self {
        Self::new(key, Content::Set(fields), Precondition::Absent)
    }

    /// Replaces a document that must still have this version.
    pub fn replace(key: Key, fields: Fields, version: UpdateTime) -> Self {
        Self::new(key, Content::Set(fields), Precondition::UpdatedAt(version))
    }

    /// Creates or replaces a document, whatever is there.
    pub fn set(key: Key, fields: Fields) -> Self {
        Self::new(key, Content::Set(fields), Precondition::None)
    }

    /// Creates a document, or sets these fields of it and leaves the others.
    pub fn merge(key: Key, fields: Fields) -> Self {
        let content = Content::Merge(fields, BTreeSet::new());
        Self::new(key, content, Precondition::None)
    }

    /// Deletes a document, if it is there.
    pub fn delete(key: Key) -> Self {
        Self::new(key, Content::Delete, Precondition::None)
    }

    /// Makes the commit depend on a document that it leaves as it is, version and all.
    pub fn verify(key: Key, version: UpdateTime) -> Self {
        Self::merge(key, Fields::new()).only_if(Precondition::UpdatedAt(version))
    }

    /// Makes the commit depend on there being no such document.
    pub fn absent(key: Key) -> Self {
        Self::delete(key).only_if(Precondition::Absent)
    }

    /// That its precondition is violated, as the `index`th write of a commit.
    pub fn conflict(&self, index: usize, violation: Violation) -> Conflict {
        Conflict {
            index,
            key: self.key.clone(),
            violation,
        }
    }

    /// The same write under another precondition.
    pub fn only_if(mut self, precondition: Precondition) -> Self {
        self.precondition = precondition;
        self
    }

    /// The same write, leaving this field out of the document; increments come after it.
    pub fn remove_field(mut self, field: &str) -> Self {
        match &mut self.content {
            Content::Set(fields) => fields.remove(field),
            Content::Merge(fields, removed) => {
                fields.remove(field);
                removed.insert(field.to_owned());
            }
            Content::Delete => {}
        }
        self
    }

    /// The same write, adding `by` to a field.
    pub fn increment(mut self, field: &str, by: i64) -> Self {
        let field = field.to_owned();
        self.increments.push(Increment { field, by });
        self
    }

    fn new(key: Key, content: Content, precondition: Precondition) -> Self {
        Self {
            key,
            content,
            increments: Vec::new(),
            precondition,
        }
    }
}
