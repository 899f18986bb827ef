//! Firestore's names for keys and fields.

use fanout_store::{Collection, Key};

/// The field path that stands for the document itself.
pub(super) const DOCUMENT: &str = "__name__";

/// One database's names.
pub(super) struct Names {
    pub(super) database: String,
}

impl Names {
    pub(super) fn new(project: &str, database: &str) -> Self {
        Self {
            database: format!("projects/{project}/databases/{database}"),
        }
    }

    pub(super) fn root(&self) -> String {
        format!("{}/documents", self.database)
    }

    pub(super) fn document(&self, key: &Key) -> String {
        self.name(key.collection(), key.id())
    }

    pub(super) fn name(&self, collection: &str, id: &str) -> String {
        [&self.database, "/documents/", collection, "/", id].concat()
    }

    /// The key of a document of this collection; `None` if it lies elsewhere.
    pub(super) fn key(&self, collection: &'static Collection, name: &str) -> Option<Key> {
        let id = name
            .strip_prefix(&self.database)?
            .strip_prefix("/documents/")?
            .strip_prefix(collection.name)?
            .strip_prefix('/')?;
        Some(Key::stored(collection, id.to_owned()))
    }

    /// Whether an error message names this document. The service writes the full name, the emulator
    /// `path=/users/x}`.
    pub(super) fn is_named_in(&self, key: &Key, message: &str) -> bool {
        let emulated = format!("path=/{}/{}", key.collection(), key.id());
        names(message, &self.document(key)) || names(message, &emulated)
    }
}

/// Whether `text` contains `name` and not just a longer name that begins with it.
fn names(text: &str, name: &str) -> bool {
    let of_an_id = |c: char| c.is_ascii_alphanumeric() || "-_.:~@/".contains(c);
    text.match_indices(name)
        .any(|(at, _)| !text[at + name.len()..].starts_with(of_an_id))
}

/// A top-level field as a field path, quoted unless it is a plain identifier.
pub(super) fn field_path(field: &str) -> String {
    let plain = field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !field.starts_with(|c: char| c.is_ascii_digit());
    if plain && !field.is_empty() {
        return field.to_owned();
    }
    format!("`{}`", field.replace('\\', "\\\\").replace('`', "\\`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &Collection = &Collection::named("users");

    #[test]
    fn a_name_leads_back_to_its_key() {
        let names = Names::new("demo", "(default)");
        let key = Key::new(USERS, "usr_1");
        let name = names.document(&key);
        assert_eq!(
            name,
            "projects/demo/databases/(default)/documents/users/usr_1"
        );
        assert_eq!(names.key(USERS, &name), Some(key));
        const OTHERS: [&Collection; 2] =
            [&Collection::named("user"), &Collection::named("contacts")];
        for other in OTHERS {
            assert_eq!(names.key(other, &name), None);
        }
    }

    #[test]
    fn a_message_names_a_document_but_not_one_whose_id_it_begins_with() {
        let names = Names::new("demo", "(default)");
        let (short, long) = (Key::new(USERS, "a"), Key::new(USERS, "a.b"));
        for message in [
            "Document already exists: projects/demo/databases/(default)/documents/users/a.b",
            "entity already exists: EntityRef{partitionRef=dev~demo, path=/users/a.b}",
        ] {
            assert!(names.is_named_in(&long, message), "{message}");
            assert!(!names.is_named_in(&short, message), "{message}");
        }
    }

    #[test]
    fn only_a_plain_identifier_goes_unquoted() {
        for (field, path) in [
            ("status", "status"),
            ("_x9", "_x9"),
            ("9x", "`9x`"),
            ("a.b", "`a.b`"),
            ("a b", "`a b`"),
            ("$x", "`$x`"),
            ("é", "`é`"),
            ("a`b", "`a\\`b`"),
            ("a\\b", "`a\\\\b`"),
        ] {
            assert_eq!(field_path(field), path);
        }
    }
}
