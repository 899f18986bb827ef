#![doc = include_str!("../README.md")]

mod claim;
mod dead_process;
mod earlier_version;
mod find_marks;
mod ledger;
mod mark;
mod standing;

pub use claim::Claim;
pub use dead_process::expire_claims_of_dead_process;
pub use earlier_version::is_of_an_earlier_version;
pub use find_marks::{FoundMark, find_marks};
pub use ledger::{Ledger, LedgerError, Parking};
pub use mark::{Links, Mark, MarkState, PROCESSED_EVENTS, Seen};
pub use standing::{Predecessor, Standing};
