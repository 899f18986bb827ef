//! What to answer when stored documents could not be read.

use fanout_store::{ReadError, StoreError};

use crate::Problem;

impl From<&ReadError> for Problem {
    /// Says nothing of the cause, so log that beside it.
    fn from(error: &ReadError) -> Self {
        match error {
            ReadError::Store(StoreError::Unavailable(_)) => Self::unavailable(),
            ReadError::Store(StoreError::Refused(_)) | ReadError::Malformed(_) => Self::internal(),
        }
    }
}
