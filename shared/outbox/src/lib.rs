#![doc = include_str!("../README.md")]

mod cursors;
mod dead_process;
mod draft;
mod find_events;
mod holder;
mod lease;
mod outbox;
mod recorded;
mod relay;
mod row;
mod schemas_url;
mod settings;
mod skip;
mod unit;

pub use cursors::OUTBOX_CURSORS;
pub use dead_process::end_leases_of_dead_process;
pub use draft::{Draft, Origin, UnwritableEvent, caused_event_id};
pub use find_events::{WaitingEvents, find_events, find_waiting};
pub use lease::OUTBOX_LEASES;
pub use outbox::Outbox;
pub use recorded::{RecordedBetween, RecordedEvents};
pub use relay::RelayReport;
pub use row::{EVENTS, EventRow, SHARDS, Skipped, Standing};
pub use schemas_url::{InvalidSchemasUrl, SchemasUrl};
pub use settings::{EVENTS_KEPT, OutboxSettings};
pub use skip::SkipError;
pub use unit::{Committed, Events};
