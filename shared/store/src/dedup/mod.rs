//! Once per consumer and event: marks in `processed_events`, and the two protocols on them.
//!
//! - Effects in the store: mark and effect share one commit ([`Ledger::record`]).
//! - Effects outside: claim, act, complete, with a lease and a fencing token ([`Ledger::claim`]).
//!
//! The pipeline in `fanout-messaging` is the one caller; consumers never see this module.

mod claim;
mod dead_process;
mod find_marks;
mod ledger;
mod mark;
mod standing;

pub use claim::{Claim, ClaimAnswer};
pub use dead_process::expire_claims_of_dead_process;
pub use find_marks::{FoundMark, FoundMarks, MarksOf, find_marks};
pub use ledger::{Ledger, LedgerError, RecordError};
pub use mark::{Links, Mark, MarkState, PROCESSED_EVENTS, Seen};
pub use standing::{Predecessor, Standing};
