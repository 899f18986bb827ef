//! The outbox: events are stored in the same commit as the state they tell of, and published from
//! there. What could not be published at once, the relay publishes later, in order per subject.
//!
//! Whoever publishes a subject's events holds that subject's lease: the request that stored an
//! event is born with it, the relay takes it when it is free or has run out. So no two publish the
//! same row on purpose, and nobody overtakes.

mod inline_publish;
mod relay;
mod row;
mod subject_lease;

pub use inline_publish::Outbox;
pub use relay::RelayReport;
pub use row::{OUTBOX, OutboxRow, Pending};
pub use subject_lease::OUTBOX_LEASES;
