#![doc = include_str!("../README.md")]

mod checkpoints;
mod codec;
mod commit;
mod database;
mod documents;
mod ownership;
mod pace;
mod schema;
mod select;
mod sort_key;
mod tables;
mod worker;

pub use database::{Database, DatabaseError};
pub use documents::SqliteDocuments;
