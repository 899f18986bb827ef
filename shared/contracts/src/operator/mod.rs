//! What operators do to processes: for who asks later why.

mod intervened;

use fanout_events::{Domain, KnownType};

pub use intervened::OperatorIntervened;

/// All types of the domain.
pub const TYPES: &[KnownType] = &[KnownType::of::<OperatorIntervened>()];

/// The domain's topic.
pub const TOPIC: &str = "operator-events";

/// The domain.
pub static DOMAIN: Domain = Domain {
    name: "operator",
    topic: TOPIC,
    types: TYPES,
};
