//! The `Documents` port with its adapters, and deduplication on top of it.
//!
//! The port is the part of Firestore that this system needs: get, query with paging, and an atomic
//! commit of many writes with preconditions. Two adapters pass one conformance suite: Firestore
//! (feature `firestore`) and SQLite for one machine (feature `sqlite`).

mod contention;
pub mod dedup;
mod document;
mod documents;
mod query;
mod read_error;
mod write;

#[cfg(feature = "firestore")]
pub mod firestore;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use contention::commit_through_contention;
pub use document::{Document, Fields, Key, MalformedDocument, UpdateTime, Value};
pub use documents::{
    BoxError, CommitError, CommitReceipt, Conflict, Documents, StoreError, Violation,
};
pub use query::{Comparison, Cursor, Direction, Filter, Order, Page, Query};
pub use read_error::{ReadError, all_documents};
pub use write::{Content, Precondition, Transform, Write};
