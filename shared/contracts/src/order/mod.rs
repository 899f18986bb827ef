//! What happens to orders.

mod cancelled;
mod confirmed;
mod created;
mod item;
mod withdrawn;

use fanout_events::{Domain, KnownType, StepRef};

pub use cancelled::OrderCancelled;
pub use confirmed::OrderConfirmed;
pub use created::OrderCreated;
pub use item::OrderItem;
pub use withdrawn::OrderWithdrawn;

/// All types of the domain.
pub const TYPES: &[KnownType] = &[
    KnownType::of::<OrderCreated>(),
    KnownType::of::<OrderConfirmed>(),
    KnownType::of::<OrderCancelled>(),
    KnownType::of::<OrderWithdrawn>(),
];

/// The process of an order whose participants react to each other's facts, and none is asked.
pub const CHOREOGRAPHED: &str = "order_choreographed";

/// The step of this name of the same order, if its participants react to each other's facts.
pub fn choreographed(step: &StepRef, name: &str) -> Option<StepRef> {
    (step.process == CHOREOGRAPHED).then(|| StepRef {
        name: name.to_owned(),
        ..step.clone()
    })
}

/// [`EventType::flow`](fanout_events::EventType::flow) of what is said of the steps of such an order.
pub const CHOREOGRAPHED_FLOW: &str = "choreographed";

/// The flow of an event about this step.
pub(crate) fn flow_of(step: &StepRef) -> Option<&'static str> {
    (step.process == CHOREOGRAPHED).then_some(CHOREOGRAPHED_FLOW)
}

/// The domain's topic.
pub const TOPIC: &str = "order-events";

/// The domain.
pub static DOMAIN: Domain = Domain {
    name: "order",
    topic: TOPIC,
    types: TYPES,
};
