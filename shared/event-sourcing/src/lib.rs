#![doc = include_str!("../README.md")]

mod aggregate;
mod as_of;
mod chain;
mod daily_root;
mod execute;
mod ledger;
mod list_streams;
mod loaded;
mod make_root;
mod root_copies;
mod snapshot;
mod turns;
mod verify;

pub use aggregate::{Aggregate, StreamEvent};
pub use as_of::{AsOf, MOST_BY_VALUE_DATE, Stored};
pub use daily_root::{AUDIT_ROOTS, DailyRoots, KeepRootError};
pub use execute::ExecuteError;
pub use ledger::Ledger;
pub use loaded::{LoadError, Loaded};
pub use root_copies::{CopyError, RootCopies};
pub use verify::{Fault, Report, verify, verify_with_copies};
