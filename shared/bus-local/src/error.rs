//! Why the broker did not do what it was asked.

use fanout_store_sqlite::DatabaseError;

use super::filter::InvalidFilter;
use super::publish_limits::LimitExceeded;
use fanout_bus::PublishError;

/// Why the broker did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// There is no topic of this name.
    #[error("there is no topic `{0}`")]
    UnknownTopic(String),
    /// There is no subscription of this name.
    #[error("there is no subscription `{0}`")]
    UnknownSubscription(String),
    /// A topic of this name is there already.
    #[error("there is a topic `{0}` already")]
    TopicExists(String),
    /// A subscription of this name is there already.
    #[error("there is a subscription `{0}` already")]
    SubscriptionExists(String),
    /// The name of a topic or subscription breaks Pub/Sub's rules.
    #[error(
        "`{0}` is no name for a topic or subscription: 3 to 255 letters, digits and -_.~+%, the first a letter, not beginning with goog"
    )]
    InvalidName(String),
    /// A subscription's setting is unusable.
    #[error("subscription `{0}`: {1}")]
    InvalidSubscription(String, &'static str),
    /// A subscription's filter is not in Pub/Sub's filter language.
    #[error("subscription `{0}`: {1}")]
    InvalidFilter(String, #[source] InvalidFilter),
    /// A publish is larger than Pub/Sub takes.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// A push subscription cannot be pulled from.
    #[error("subscription `{0}` pushes its messages; it cannot be pulled from")]
    NotAPullSubscription(String),
    /// An ack id that no pull gave out.
    #[error("an ack id is not one that a pull answered with")]
    InvalidAckId,
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
            BrokerError::UnknownTopic(_)
            | BrokerError::UnknownSubscription(_)
            | BrokerError::TopicExists(_)
            | BrokerError::SubscriptionExists(_)
            | BrokerError::InvalidName(_)
            | BrokerError::InvalidSubscription(..)
            | BrokerError::InvalidFilter(..)
            | BrokerError::LimitExceeded(_)
            | BrokerError::NotAPullSubscription(_)
            | BrokerError::InvalidAckId => Self::Refused(error.into()),
        }
    }
}
