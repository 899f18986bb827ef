//! What has happened to an account, of any type.

use fanout_contracts::account::{
    AccountClosed, AccountOpened, Deposited, MovementReversed, TransferReceived, TransferSent,
    Withdrawn,
};
use fanout_event_sourcing::StreamEvent;
use fanout_events::{DecodeError, Event, EventType};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_runtime::Timestamp;
use serde::Serialize;

/// What has happened to an account. Serialises to the event's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AccountEvent {
    /// It was opened.
    Opened(AccountOpened),
    /// Money came in.
    Deposited(Deposited),
    /// Money went out.
    Withdrawn(Withdrawn),
    /// Money went to another account.
    TransferSent(TransferSent),
    /// Money came from another account.
    TransferReceived(TransferReceived),
    /// A deposit or a withdrawal was undone.
    MovementReversed(MovementReversed),
    /// It was closed.
    Closed(AccountClosed),
}

impl StreamEvent for AccountEvent {
    fn draft(&self, stream: &str, sequence: u64) -> Result<Draft, UnwritableEvent> {
        match self {
            Self::Opened(data) => Draft::of(stream, sequence, data),
            Self::Deposited(data) => Draft::of(stream, sequence, data),
            Self::Withdrawn(data) => Draft::of(stream, sequence, data),
            Self::TransferSent(data) => Draft::of(stream, sequence, data),
            Self::TransferReceived(data) => Draft::of(stream, sequence, data),
            Self::MovementReversed(data) => Draft::of(stream, sequence, data),
            Self::Closed(data) => Draft::of(stream, sequence, data),
        }
    }

    fn read(event: &Event) -> Result<Self, DecodeError> {
        let read = match event.event_type.as_str() {
            AccountOpened::TYPE => Self::Opened(event.read()?.data),
            Deposited::TYPE => Self::Deposited(event.read()?.data),
            Withdrawn::TYPE => Self::Withdrawn(event.read()?.data),
            TransferSent::TYPE => Self::TransferSent(event.read()?.data),
            TransferReceived::TYPE => Self::TransferReceived(event.read()?.data),
            MovementReversed::TYPE => Self::MovementReversed(event.read()?.data),
            AccountClosed::TYPE => Self::Closed(event.read()?.data),
            _ => {
                let why = "its type is none of an account's";
                return Err(DecodeError::NotAnEvent(why.to_owned()));
            }
        };
        Ok(read)
    }

    fn effective_at(&self) -> Option<Timestamp> {
        match self {
            Self::Deposited(Deposited { effective_at, .. })
            | Self::Withdrawn(Withdrawn { effective_at, .. })
            | Self::TransferSent(TransferSent { effective_at, .. })
            | Self::TransferReceived(TransferReceived { effective_at, .. })
            | Self::MovementReversed(MovementReversed { effective_at, .. }) => *effective_at,
            Self::Opened(_) | Self::Closed(_) => None,
        }
    }
}
