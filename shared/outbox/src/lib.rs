#![doc = include_str!("../README.md")]

mod commit;
mod holder;
mod inline_publish;
mod relay;
mod row;
mod subject_lease;
mod waiting;

pub use commit::{Committed, Pending};
pub use inline_publish::Outbox;
pub use relay::RelayReport;
pub use row::{OUTBOX, OutboxRow, UnwritableEvent};
pub use subject_lease::OUTBOX_LEASES;
pub use waiting::{RowsOf, find_waiting};
