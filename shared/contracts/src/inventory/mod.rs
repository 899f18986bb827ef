//! What is asked of the stock, and what it answers.

mod refused;
mod release_requested;
mod released;
mod reservation_requested;
mod reserved;

use fanout_events::{Domain, KnownType};

pub use refused::ReservationRefused;
pub use release_requested::ReleaseRequested;
pub use released::Released;
pub use reservation_requested::ReservationRequested;
pub use reserved::Reserved;

/// All types of the domain.
pub const TYPES: &[KnownType] = &[
    KnownType::of::<ReservationRequested>(),
    KnownType::of::<Reserved>(),
    KnownType::of::<ReservationRefused>(),
    KnownType::of::<ReleaseRequested>(),
    KnownType::of::<Released>(),
];

/// The domain's topic.
pub const TOPIC: &str = "inventory-events";

/// The domain.
pub static DOMAIN: Domain = Domain {
    name: "inventory",
    topic: TOPIC,
    types: TYPES,
};
