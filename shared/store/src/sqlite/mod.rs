//! The embedded engine: documents in one SQLite file, for one machine.
//!
//! The file is shared with the embedded broker (`fanout-messaging`), which keeps its own tables in
//! it through the same [`Database`].

mod codec;
mod database;
mod documents;
mod ownership;
mod refusal;
mod select;

pub use database::{Database, DatabaseError};
pub use documents::SqliteDocuments;
