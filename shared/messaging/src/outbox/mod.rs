//! The outbox: events are stored in the same commit as the state they tell of, and published from
//! there. What could not be published at once, the relay publishes later, in order per subject.
//!
//! Whoever publishes a subject's events holds that subject's lease (`outbox_leases/{subject}`), and
//! publishes its rows in sequence order. Two rules make that enough:
//!
//! 1. A row never lies in the outbox without its subject's lease document. A row that is stored
//!    while nobody has the lease takes it in the same commit; one that meets a lease leaves a mark
//!    in it, in the same commit, and is left to the holder.
//! 2. The lease is given back only in the version that was read before the subject's rows were, so
//!    a mark made since keeps it: its holder looks again. A holder that stops early (the bus fails,
//!    time is up) leaves the document behind as run out, for the relay to take over. Where the bus
//!    gave no answer, and so may have the message, the lease runs out by itself.
//!
//! So a request that could create the lease knows, without a read, that its event is the oldest
//! that waits. A holder that lost its lease without noticing can repeat a message, which consumers
//! recognise; it cannot overtake, because it too publishes a subject from its oldest row on.

mod commit;
mod holder;
mod inline_publish;
mod relay;
mod row;
mod subject_lease;
mod waiting;

pub use commit::{Committed, Pending};
pub use holder::PUBLISH_LIMIT;
pub use inline_publish::Outbox;
pub use relay::RelayReport;
pub use row::{OUTBOX, OutboxRow, UnwritableEvent};
pub use subject_lease::OUTBOX_LEASES;
pub use waiting::{RowsOf, find_waiting};
