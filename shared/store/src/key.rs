//! The keys of documents.

use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};

use crate::Collection;

/// Where a document is: a collection and an id in it. `Display` and `Debug` keep to themselves what
/// is private ([`Collection::private`]).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    collection: &'static Collection,
    id: String,
}

impl Key {
    /// The key for any text. What no store takes as an id, what could be taken for something else
    /// (slashes, control characters, `.`, `__x__`, more than 200 bytes, nothing at all), or what
    /// could be an e-mail address (ids show up in logs) is replaced by `h_` + its SHA-256; so is a text that itself starts with `h_`.
    pub fn new(collection: &'static Collection, text: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:~".contains(&byte);
        let safe = (1..=200).contains(&text.len())
            && text.bytes().all(plain)
            && text.bytes().any(|byte| byte != b'.')
            && !text.starts_with("h_")
            && !(text.starts_with("__") && text.ends_with("__"));
        let id = if safe {
            text.to_owned()
        } else {
            format!("h_{}", hex::encode(Sha256::digest(text)))
        };
        Self { collection, id }
    }

    /// A key whose id was made by [`Key::new`] before: what an adapter reads back.
    pub fn stored(collection: &'static Collection, id: String) -> Self {
        Self { collection, id }
    }

    /// The collection's name.
    pub fn collection(&self) -> &'static str {
        self.collection.name
    }

    /// The collection, as it is declared.
    pub fn declared(&self) -> &'static Collection {
        self.collection
    }

    /// Whether the document is one of this collection's.
    pub fn is_in(&self, collection: &Collection) -> bool {
        self.collection == collection
    }

    /// The id within the collection.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// By the names alone: what is declared of a collection, index by index, would tell no more.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.collection.name.hash(state);
        self.id.hash(state);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.collection.private {
            "[private]"
        } else {
            &self.id
        };
        write!(out, "{}/{shown}", self.collection)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Key({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &Collection = &Collection::named("users");

    #[test]
    fn the_id_of_a_private_key_is_never_shown() {
        const USER_EMAILS: &Collection = &Collection::named("user_emails").private();
        let key = Key::new(USER_EMAILS, "3f0a");
        let conflict = crate::Write::delete(key.clone()).conflict(0, crate::Violation::Changed);
        let shown = [
            key.to_string(),
            format!("{key:?}"),
            conflict.to_string(),
            format!("{conflict:?}"),
        ];
        for text in shown {
            assert!(text.contains("user_emails/[private]"), "{text}");
            assert!(!text.contains("3f0a"), "{text}");
        }
    }

    #[test]
    fn a_plain_id_stays_readable() {
        assert_eq!(Key::new(USERS, "usr_01JD").to_string(), "users/usr_01JD");
    }

    #[test]
    fn no_text_can_break_a_key_or_meet_another() {
        let long = "x".repeat(2048);
        let texts = [
            "",
            ".",
            "..",
            "a/b",
            "__x__",
            "a\0b",
            "é",
            "h_00",
            &long,
            " ",
            "ada@example.com",
        ];
        let mut ids = std::collections::HashSet::new();
        for text in texts {
            let key = Key::new(USERS, text);
            assert_eq!(key.id().len(), 2 + 64, "{text:?}");
            assert!(ids.insert(key.id().to_owned()), "{text:?}");
            assert_ne!(Key::new(USERS, key.id()), key, "{text:?}");
        }
    }
}
