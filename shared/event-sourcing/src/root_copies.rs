//! A second place for daily roots, which who may write to the database cannot change.

use async_trait::async_trait;
use chrono::NaiveDate;
use fanout_runtime::BoxError;

/// Where daily roots are copied to. Who adds to it need not be able to read it.
#[async_trait]
pub trait RootCopies: Send + Sync + 'static {
    /// Copies the root of a day. A copy of that day that is there already stays as it is, so twice is
    /// once. Answers whether there was none.
    async fn keep(&self, day: NaiveDate, root: &str) -> Result<bool, CopyError>;
}

/// Why a root was not copied, or may not have been; or why copies could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Not now. Trying again may work.
    #[error("the place of the copies is not available")]
    Unavailable(#[source] BoxError),
    /// Not as things are: no such place, or no right to it.
    #[error("the place of the copies refuses")]
    Refused(#[source] BoxError),
}
