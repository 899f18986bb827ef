//! What an error of the interface means for the port.

use fanout_google_grpc::said;
use fanout_store::{Key, StoreError};
use gcloud_sdk::tonic::{Code, Status};

/// What the caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// A precondition did not hold; on a read, the request is wrong.
    Precondition,
    /// Others hold the same documents.
    Contention,
    Unavailable,
    Refused,
}

pub(super) fn failure(status: &Status) -> Failure {
    match status.code() {
        // Of all that NOT_FOUND can be about, a database is never a precondition.
        Code::NotFound if status.message().starts_with("The database ") => Failure::Refused,
        Code::AlreadyExists | Code::NotFound | Code::FailedPrecondition => Failure::Precondition,
        // The emulator's word for a version that the document has not reached yet. It is another
        // version, as with any other that is not the current one.
        Code::InvalidArgument if status.message().contains("Invalid base version") => {
            Failure::Precondition
        }
        Code::Aborted => Failure::Contention,
        // The emulator's way to say that a request is beyond its 4 MiB, where the service says
        // INVALID_ARGUMENT (beyond 10 MiB). It will not shrink by trying again.
        Code::ResourceExhausted if status.message().contains("exceeds maximum size") => {
            Failure::Refused
        }
        // UNAUTHENTICATED comes when a token could not be refreshed, and UNKNOWN when the
        // connection broke or no credentials were to be had: both pass. OK is no error, so an
        // error with it says nothing.
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Internal
        | Code::Cancelled
        | Code::Unknown
        | Code::Unauthenticated
        | Code::Ok => Failure::Unavailable,
        Code::InvalidArgument
        | Code::PermissionDenied
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss => Failure::Refused,
    }
}

/// What Firestore answered to a call that was about these documents, or why it did not, without what is
/// private: a message names documents.
pub(super) fn answer<'k>(status: &Status, keys: impl Iterator<Item = &'k Key>) -> String {
    let mut said = said(status);
    for key in keys.filter(|key| key.declared().private) {
        said = said.replace(key.id(), "[private]");
    }
    said
}

/// Why a read of these documents failed. A missing document is no error of a read; a missing
/// database is.
pub(super) fn read_error(status: &Status, keys: &[Key]) -> StoreError {
    let answer = answer(status, keys.iter()).into();
    match failure(status) {
        Failure::Contention | Failure::Unavailable => StoreError::Unavailable(answer),
        Failure::Precondition | Failure::Refused => StoreError::Refused(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_meaning() {
        use Failure::{Contention, Precondition, Refused, Unavailable};
        for (code, expected) in [
            (Code::Ok, Unavailable),
            (Code::Cancelled, Unavailable),
            (Code::Unknown, Unavailable),
            (Code::InvalidArgument, Refused),
            (Code::DeadlineExceeded, Unavailable),
            (Code::NotFound, Precondition),
            (Code::AlreadyExists, Precondition),
            (Code::PermissionDenied, Refused),
            (Code::ResourceExhausted, Unavailable),
            (Code::FailedPrecondition, Precondition),
            (Code::Aborted, Contention),
            (Code::OutOfRange, Refused),
            (Code::Unimplemented, Refused),
            (Code::Internal, Unavailable),
            (Code::Unavailable, Unavailable),
            (Code::DataLoss, Refused),
            (Code::Unauthenticated, Unavailable),
        ] {
            assert_eq!(failure(&Status::new(code, "")), expected, "{code:?}");
        }
    }

    #[test]
    fn a_missing_database_is_no_missing_document() {
        let status = Status::not_found("The database (default) does not exist for project demo");
        assert_eq!(failure(&status), Failure::Refused);
    }

    #[test]
    fn a_version_from_the_future_is_a_violated_precondition() {
        let message = "Invalid base version, it is greater than the stored version: app: ...";
        let status = Status::invalid_argument(message);
        assert_eq!(failure(&status), Failure::Precondition);
    }

    #[test]
    fn a_request_that_is_too_large_is_not_worth_another_try() {
        let status = Status::resource_exhausted("gRPC message exceeds maximum size 4194304: 5");
        assert_eq!(failure(&status), Failure::Refused);
    }
}
