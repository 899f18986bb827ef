//! What is asked of shipping, and what it answers.

mod created;
mod refused;
mod shipment_requested;

use fanout_events::{Domain, KnownType};

pub use created::ShipmentCreated;
pub use refused::ShipmentRefused;
pub use shipment_requested::ShipmentRequested;

/// All types of the domain.
pub const TYPES: &[KnownType] = &[
    KnownType::of::<ShipmentRequested>(),
    KnownType::of::<ShipmentCreated>(),
    KnownType::of::<ShipmentRefused>(),
];

/// The domain's topic.
pub const TOPIC: &str = "shipping-events";

/// The domain.
pub static DOMAIN: Domain = Domain {
    name: "shipping",
    topic: TOPIC,
    types: TYPES,
};
