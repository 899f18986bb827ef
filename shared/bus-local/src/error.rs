//! Why the broker did not do what it was asked.

use fanout_bus::PublishError;
use fanout_store_sqlite::DatabaseError;

/// Why the broker did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// There is no `topic` or `subscription` of this name.
    #[error("there is no {0} `{1}`")]
    Unknown(&'static str, String),
    /// One of this name is there already.
    #[error("there is a {0} `{1}` already")]
    Exists(&'static str, String),
    /// What is asked for breaks a rule of Pub/Sub's, as the sentence says.
    #[error("{0}")]
    Invalid(String),
    /// It would be right in itself, and is not here, as the sentence says.
    #[error("{0}")]
    Unfit(String),
    /// The file cannot be read or written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<rusqlite::Error> for BrokerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<BrokerError> for PublishError {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Database(_) => Self::Unavailable(error.into()),
            BrokerError::Unknown(..)
            | BrokerError::Exists(..)
            | BrokerError::Invalid(_)
            | BrokerError::Unfit(_) => Self::Refused(error.into()),
        }
    }
}
