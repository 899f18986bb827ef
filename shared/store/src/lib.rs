#![doc = include_str!("../README.md")]

mod collection;
mod contention;
mod dead_process;
mod document;
mod documents;
mod key;
mod query;
mod read_error;
mod refusal;
mod spread;
mod write;

pub use collection::{Collection, Index, ascending, descending};
pub use contention::{commit_through_contention, jitter, through_contention};
pub use dead_process::end_leases;
pub use document::{Document, Fields, MalformedDocument, UpdateTime, Value};
pub use documents::{CommitError, CommitReceipt, Conflict, Documents, StoreError, Violation};
pub use key::Key;
pub use query::{Comparison, Cursor, Direction, Filter, Order, Page, Query};
pub use read_error::{Pages, ReadError, all_documents};
pub use refusal::{check_document, check_writes};
pub use spread::spread;
pub use write::{Content, Increment, Precondition, Write};
