//! What happens to accounts.

mod closed;
mod deposited;
mod effective_at;
mod movement_reversed;
mod opened;
mod transfer_received;
mod transfer_sent;
mod withdrawn;

use fanout_events::{Domain, KnownType};

pub use closed::AccountClosed;
pub use deposited::Deposited;
pub use movement_reversed::{Direction, MovementReversed};
pub use opened::AccountOpened;
pub use transfer_received::TransferReceived;
pub use transfer_sent::TransferSent;
pub use withdrawn::Withdrawn;

/// All types of the domain.
pub const TYPES: &[KnownType] = &[
    KnownType::of::<AccountOpened>(),
    KnownType::of::<Deposited>(),
    KnownType::of::<Withdrawn>(),
    KnownType::of::<TransferSent>(),
    KnownType::of::<TransferReceived>(),
    KnownType::of::<MovementReversed>(),
    KnownType::of::<AccountClosed>(),
];

/// The domain's topic.
pub const TOPIC: &str = "account-events";

/// The domain.
pub static DOMAIN: Domain = Domain {
    name: "account",
    topic: TOPIC,
    types: TYPES,
};
