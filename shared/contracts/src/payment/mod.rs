//! What is asked of payments, and what they answer.

mod captured;
mod charge_requested;
mod declined;
mod refund_requested;
mod refunded;

use fanout_events::{Domain, KnownType};

pub use captured::Captured;
pub use charge_requested::ChargeRequested;
pub use declined::Declined;
pub use refund_requested::RefundRequested;
pub use refunded::Refunded;

/// All types of the domain.
pub const TYPES: &[KnownType] = &[
    KnownType::of::<ChargeRequested>(),
    KnownType::of::<Captured>(),
    KnownType::of::<Declined>(),
    KnownType::of::<RefundRequested>(),
    KnownType::of::<Refunded>(),
];

/// The domain's topic.
pub const TOPIC: &str = "payment-events";

/// The domain.
pub static DOMAIN: Domain = Domain {
    name: "payment",
    topic: TOPIC,
    types: TYPES,
};
