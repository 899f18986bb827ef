//! What to answer when stored documents could not be read.

use fanout_runtime::error_chain;
use fanout_store::{ReadError, StoreError};
use tracing::error;

use crate::Problem;

impl Problem {
    /// The answer, which says nothing of the cause: that is logged here.
    pub fn unread(cause: ReadError) -> Self {
        error!(error = error_chain(&cause), "documents could not be read");
        Self::from(&cause)
    }
}

impl From<&ReadError> for Problem {
    /// Says nothing of the cause, so log that beside it.
    fn from(error: &ReadError) -> Self {
        match error {
            ReadError::Store(StoreError::Unavailable(_)) => Self::unavailable(),
            ReadError::Store(StoreError::Refused(_)) | ReadError::Malformed(_) => Self::internal(),
        }
    }
}
