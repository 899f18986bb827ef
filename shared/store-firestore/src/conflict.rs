//! Which precondition a failed commit violated.
//!
//! Firestore checks the writes in order and answers with a code for the first violation, in most
//! cases with the document's name in the text. What that leaves open, a read settles.

use gcloud_sdk::tonic::{Code, Status};

use super::names::Names;
use fanout_store::{Conflict, Document, Precondition, Write};

/// What an answer alone tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// It is this write.
    One(Conflict),
    Several,
    /// No write has such a precondition: the error is about something else.
    Nobody,
}

/// Who is to blame for this error, by its code and its text.
pub(super) fn suspicion(names: &Names, writes: &[Write], status: &Status) -> Suspicion {
    let suspects: Vec<Conflict> = writes
        .iter()
        .enumerate()
        .filter(|(_, write)| fits(status.code(), write.precondition))
        .filter_map(|(index, write)| Some(write.conflict(index, write.precondition.if_broken()?)))
        .collect();
    let named = |suspect: &&Conflict| names.is_named_in(&suspect.key, status.message());
    match suspects.as_slice() {
        [] => Suspicion::Nobody,
        [only] => Suspicion::One(only.clone()),
        several => match several.iter().find(named) {
            Some(culprit) => Suspicion::One(culprit.clone()),
            None => Suspicion::Several,
        },
    }
}

/// The writes with a precondition, and their places in the commit.
pub(super) fn conditional(writes: &[Write]) -> Vec<(usize, &Write)> {
    let places = writes.iter().enumerate();
    places
        .filter(|(_, write)| write.precondition != Precondition::None)
        .collect()
}

/// The first precondition that these documents, one for each of the writes, violate now.
pub(super) fn first_violated(
    conditional: &[(usize, &Write)],
    current: &[Option<Document>],
) -> Option<Conflict> {
    let mut pairs = conditional.iter().zip(current);
    pairs.find_map(|((index, write), document)| {
        let version = document.as_ref().map(|document| document.update_time);
        let violation = write.precondition.violation(version)?;
        Some(write.conflict(*index, violation))
    })
}

/// Whether a precondition can be what an error of this code is about. The emulator answers
/// NOT_FOUND for a document that must exist, FAILED_PRECONDITION for a version that has passed or is
/// gone, and INVALID_ARGUMENT for one that is still to come; which code the service has for which of
/// these is not documented.
fn fits(code: Code, precondition: Precondition) -> bool {
    match precondition {
        Precondition::None => false,
        Precondition::Absent => code == Code::AlreadyExists,
        Precondition::Exists => matches!(code, Code::NotFound | Code::FailedPrecondition),
        Precondition::UpdatedAt(_) => code != Code::AlreadyExists,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fanout_store::{Collection, Fields, Key, UpdateTime, Violation};

    const USERS: &Collection = &Collection::named("users");
    const VERSION: UpdateTime = UpdateTime(7);

    fn key(id: &str) -> Key {
        Key::new(USERS, id)
    }

    fn set(id: &str, precondition: Precondition) -> Write {
        Write::set(key(id), Fields::new()).only_if(precondition)
    }

    fn suspected(writes: &[Write], code: Code, message: &str) -> Suspicion {
        suspicion(
            &Names::new("demo", "(default)"),
            writes,
            &Status::new(code, message),
        )
    }

    fn one(index: usize, id: &str, violation: Violation) -> Suspicion {
        Suspicion::One(Conflict {
            index,
            key: key(id),
            violation,
        })
    }

    #[test]
    fn the_only_write_with_such_a_precondition_is_to_blame() {
        let writes = [
            set("a", Precondition::None),
            set("b", Precondition::UpdatedAt(VERSION)),
            set("c", Precondition::Absent),
        ];
        let exists = suspected(&writes, Code::AlreadyExists, "");
        assert_eq!(exists, one(2, "c", Violation::AlreadyExists));
        for code in [Code::FailedPrecondition, Code::NotFound] {
            let changed = suspected(&writes, code, "");
            assert_eq!(changed, one(1, "b", Violation::Changed), "{code:?}");
        }
    }

    #[test]
    fn among_several_the_one_that_the_message_names_is_to_blame() {
        let writes = [
            set("a", Precondition::Absent),
            set("b", Precondition::Absent),
        ];
        for message in [
            "Document already exists: projects/demo/databases/(default)/documents/users/b",
            "entity already exists: EntityRef{partitionRef=dev~demo, path=/users/b}",
        ] {
            let named = suspected(&writes, Code::AlreadyExists, message);
            assert_eq!(named, one(1, "b", Violation::AlreadyExists), "{message}");
        }
        let silent = suspected(&writes, Code::AlreadyExists, "something exists");
        assert_eq!(silent, Suspicion::Several);
    }

    #[test]
    fn an_error_about_something_else_is_nobodys_conflict() {
        let writes = [set("a", Precondition::Absent)];
        let no_database = suspected(&writes, Code::NotFound, "The database does not exist");
        assert_eq!(no_database, Suspicion::Nobody);
    }

    #[test]
    fn the_first_write_that_the_documents_contradict_is_to_blame() {
        let writes = [
            set("harmless", Precondition::None),
            set("a", Precondition::UpdatedAt(VERSION)),
            set("b", Precondition::Exists),
            set("c", Precondition::Absent),
        ];
        let conditional = conditional(&writes);
        let document = |id: &str, version| {
            Some(Document {
                key: key(id),
                fields: Fields::new(),
                update_time: version,
            })
        };
        let fine = [document("a", VERSION), document("b", VERSION), None];
        assert_eq!(first_violated(&conditional, &fine), None);
        let two = [document("a", VERSION), None, document("c", VERSION)];
        let first = first_violated(&conditional, &two).unwrap();
        assert_eq!((first.index, first.violation), (2, Violation::Missing));
        let gone = first_violated(&conditional, &[None, None, None]).unwrap();
        assert_eq!((gone.index, gone.violation), (1, Violation::Changed));
    }
}
