//! What happens to users.

mod created;
mod deleted;
mod updated;

use fanout_events::{Domain, KnownType};

pub use created::UserCreated;
pub use deleted::UserDeleted;
pub use updated::UserUpdated;

/// All types of the domain.
pub const TYPES: &[KnownType] = &[
    KnownType::of::<UserCreated>(),
    KnownType::of::<UserUpdated>(),
    KnownType::of::<UserDeleted>(),
];

/// The domain's topic.
pub const TOPIC: &str = "user-events";

/// The domain.
pub static DOMAIN: Domain = Domain {
    name: "user",
    topic: TOPIC,
    types: TYPES,
};
