//! How not to publish: two writes to two systems. Here to be seen failing.

use std::collections::BTreeMap;

use fanout_bus::{OutgoingMessage, PublishError, Publisher};
use fanout_store::{CommitError, Documents, Fields, Key, Write};

use crate::{BOOKING_EVENTS, BOOKINGS};

/// Why a booking was not made, or not published.
#[derive(Debug, thiserror::Error)]
pub enum DualWriteError {
    /// It was not made.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// It was made, and not published.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Stores a booking, then publishes it. Between the two lines the process can end, and the second
/// can fail; a caller that asks again finds the booking there.
pub async fn commit_then_publish(
    documents: &dyn Documents,
    publisher: &dyn Publisher,
    id: &str,
) -> Result<(), DualWriteError> {
    let booking = Write::create(Key::new(BOOKINGS, id), Fields::new());
    let message = OutgoingMessage {
        data: format!("{id} is booked").into(),
        attributes: BTreeMap::from([("ce-id".to_owned(), format!("evt_{id}"))]),
        ordering_key: String::new(),
    };
    documents.commit(vec![booking]).await?;
    publisher.publish(BOOKING_EVENTS, message).await?;
    Ok(())
}
