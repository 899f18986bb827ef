//! What happens to orders.

mod cancelled;
mod confirmed;
mod created;
mod item;

use fanout_events::{Domain, KnownType};

pub use cancelled::OrderCancelled;
pub use confirmed::OrderConfirmed;
pub use created::OrderCreated;
pub use item::OrderItem;

/// All types of the domain.
pub const TYPES: &[KnownType] = &[
    KnownType::of::<OrderCreated>(),
    KnownType::of::<OrderConfirmed>(),
    KnownType::of::<OrderCancelled>(),
];

/// The domain's topic.
pub const TOPIC: &str = "order-events";

/// The domain.
pub static DOMAIN: Domain = Domain {
    name: "order",
    topic: TOPIC,
    types: TYPES,
};
